#!/usr/bin/env bash
# What the product may be made of: one TLS library, no OpenSSL, nothing from git, and a ksctl without PostgreSQL.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0
complain() { printf 'error: %s\n' "$*" >&2; failed=1; }

# Every package of the whole workspace on this system, tests included, once each as "name version".
everything=$(cargo tree --workspace --all-features --edges normal,build,dev --prefix none --format '{p}' --locked | awk '{print $1, $2}' | sort -u)

for banned in ring openssl openssl-sys native-tls async-std; do
    if grep -q "^$banned " <<<"$everything"; then
        complain "$banned is in the tree:"
        cargo tree --workspace --all-features --invert "$banned" --depth 3 >&2 || true
    fi
done

[ "$(grep -c '^rustls v' <<<"$everything")" = 1 ] || complain "more than one rustls: $(grep '^rustls v' <<<"$everything" | xargs)"

if grep -n '^source = "git+' Cargo.lock >&2; then complain "a dependency comes from git"; fi

if cargo tree --package ksctl --edges normal --prefix none --format '{p}' --locked | grep -q '^\(tokio-postgres\|sql\|appliance\) '; then
    complain "ksctl links PostgreSQL or the appliance"
fi

for room in keystead certs; do
    others=$(cargo tree --package "$room" --edges normal --prefix none --format '{p}' --locked |
        awk -v room="$room" '$1 ~ /^(keystead|certs|sql|appliance|ksctl)$/ && $1 != room {print $1}' | sort -u | xargs)
    [ -z "$others" ] || complain "$room depends on $others: it may depend on no other room"
done

# A session with a peer has deadlines, so only sql makes one. Tests may connect as they like.
if grep -rnE 'NoTls|connect_raw|Connection::new\(|tokio_postgres::Client\b' appliance/src --include='*.rs' | grep -v '/[a-z_]*tests\.rs:' >&2; then
    complain "appliance connects to PostgreSQL past the types of sql"
fi

allowed=' Cargo.toml Cargo.lock deny.toml LICENSE Makefile README.md appliance certs docs ksctl sql src tests clippy.toml rustfmt.toml '
for entry in $(git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard | cut -d/ -f1 | sort -u); do
    case $entry in .*) continue ;; esac
    [[ $allowed == *" $entry "* ]] || complain "$entry does not belong at the top of the project"
done

exit $failed
