#!/usr/bin/env bash
# Known holes, withdrawn and unkept crates, licences and sources of everything in Cargo.lock: what deny.toml says, by cargo-deny.
# ADVISORIES=/folder is a clone of the advisory database to use where it cannot be fetched.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly database=https://github.com/RustSec/advisory-db
folder=$(mktemp -d)
readonly folder
trap 'rm -rf "$folder"' EXIT

say() { printf '%s\n' "$*" >&2; }

# cargo-deny's advisories by the database in folder $1, kept for this run only.
advisories_of() {
    sed "s,^\[advisories\]\$,&\ndb-path = \"$folder/databases-$2\"," deny.toml >"$folder/deny-$2.toml"
    GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0="url.file://$1.insteadOf" GIT_CONFIG_VALUE_0=$database \
        GIT_CONFIG_KEY_1=safe.directory GIT_CONFIG_VALUE_1='*' \
        cargo deny --config "$folder/deny-$2.toml" check advisories
}

# An audit that cannot find anything would pass for ever: one that is planted has to be found.
finds_what_is_planted() {
    local planted=$folder/planted
    mkdir -p "$planted/crates/serde"
    printf '```toml\n[advisory]\nid = "RUSTSEC-1999-0001"\npackage = "serde"\ndate = "1999-01-01"\n\n[versions]\npatched = []\n```\n\n# Planted\n\nTo be found.\n' \
        >"$planted/crates/serde/RUSTSEC-1999-0001.md"
    git -C "$planted" init -q -b main
    git -C "$planted" add -A
    git -C "$planted" -c user.name=audit -c user.email=audit@localhost commit -qm planted
    if advisories_of "$planted" planted >"$folder/found" 2>&1; then
        say "error: an advisory that was planted was not found"
        return 1
    fi
    grep -q RUSTSEC-1999-0001 "$folder/found" || { say "error: a planted advisory could not be looked for"; cat "$folder/found" >&2; return 1; }
}

advisories() {
    if [ -n "${ADVISORIES:-}" ]; then
        advisories_of "$(realpath "$ADVISORIES")" given
        return
    fi
    cargo deny check advisories 2>&1 | tee "$folder/said" >&2 && return
    if grep -q 'failed to fetch advisory database' "$folder/said"; then
        say "error: the advisory database could not be fetched, so known holes and unkept crates were NOT looked for"
        say "hint: run this where $database can be reached, or give a clone of it: make audit ADVISORIES=/folder"
    fi
    return 1
}

failed=0
# First what needs nothing but Cargo.lock and the sources of the crates.
cargo deny check licenses bans sources || failed=1
finds_what_is_planted || failed=1
advisories || failed=1
exit $failed
