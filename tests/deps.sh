#!/usr/bin/env bash
# Installs what is missing: tests/deps.sh build|lint|test|slow|audit|fuzz
#
# Debian packages come through apt, as root or with sudo, and only when they are missing, or when PostgreSQL is a minor version
# with a known hole. Rust is never installed: it belongs to the user who compiles.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly purpose=${1:?build, lint, test, slow, audit or fuzz}
readonly nextest=0.9.143 deny=0.20.2
readonly oldest_postgresql=15

say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $1"; [ -z "${2:-}" ] || say "hint: $2"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The major version of the newest PostgreSQL server found; nothing when there is none.
postgresql() {
    {
        # Not the folders alone: the client's packages make them too.
        ls -d /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb 2>/dev/null | sed 's,.*[/-]\([0-9]*\)/bin/initdb,\1,'
        if have postgres; then postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'; fi
    } | sort -n | tail -1
}

missing_packages() {
    have cc || echo gcc libc6-dev
    [ -n "$(postgresql)" ] || echo postgresql
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ ! -d /etc/debian_version ] || echo ca-certificates
    case $purpose in
    lint | audit) have git || echo git ;;
    fuzz)
        have openssl || echo openssl
        python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3 python3-venv
        ;;
    test | slow)
        have openssl || echo openssl
        # What gives a test's nodes hosts of their own. Users other than root may not have /usr/sbin in their PATH.
        have nft || [ -x /usr/sbin/nft ] || echo nftables
        have ip || [ -x /usr/sbin/ip ] || echo iproute2
        have nsenter && have unshare && have setpriv && have prlimit || echo util-linux
        # What judges the unit. Only the program: nothing is run by it.
        have systemd-analyze || echo systemd
        [ -x /usr/sbin/rsyslogd ] || echo rsyslog
        ls /usr/lib/*/rsyslog/lmnsd_gtls.so >/dev/null 2>&1 || echo rsyslog-gnutls
        [ "$purpose" = test ] || have prometheus || echo prometheus
        ;;
    esac
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else return 1; fi
}

install_packages() {
    have apt-get || fail "missing: $*" "install them with this system's package manager, then run this again"
    [ "$(id -u)" = 0 ] || have sudo || fail "missing: $*" "as root: apt-get install $*"
    say "installing $*"
    case " $* " in *" postgresql "*)
        # The nodes make their own data folders; the one that Debian would make and start is not needed.
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' |
            as_root tee /etc/postgresql-common/createcluster.d/no-main-cluster.conf >/dev/null ;;
    esac
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        fail "apt-get update failed" "look at the network and at /etc/apt/sources.list.d"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
        fail "apt-get could not install $*"
}

check_postgresql() {
    local found
    found=$(postgresql)
    [ -n "$found" ] || fail "no PostgreSQL was found" "install PostgreSQL $oldest_postgresql or newer"
    [ "$found" -ge "$oldest_postgresql" ] || fail "PostgreSQL $found is too old: $oldest_postgresql is needed" \
        "https://wiki.postgresql.org/wiki/Apt has newer ones for this system"
}

# Whether a version has the fix that nodes ask for: those of src/server_version.rs, where the reason is.
is_fixed() {
    local major=${1%%.*} minor=${1#*.}
    case $major in
    15) [ "$minor" -ge 19 ] ;;
    16) [ "$minor" -ge 15 ] ;;
    17) [ "$minor" -ge 11 ] ;;
    18) [ "$minor" -ge 6 ] ;;
    *) [ "$major" -ge 19 ] ;;
    esac
}

# The version of the programs that tests use unless POSTGRES names others: 15.20. Nothing for those that are not released.
postgresql_version() {
    local major=$1 programs
    for programs in "/usr/lib/postgresql/$major/bin/postgres" "/usr/pgsql-$major/bin/postgres" "$(command -v postgres || true)"; do
        [ ! -x "$programs" ] || { "$programs" --version | sed -n 's/^postgres (PostgreSQL) \([0-9]*\.[0-9]*\).*/\1/p'; return; }
    done
}

# Takes the distribution's newest minor version when the installed one has the hole. A network is needed only then, and tests
# run without it too: nodes say themselves what they run on.
upgrade_postgresql() {
    local major found package
    major=$(postgresql)
    found=$(postgresql_version "$major")
    package=postgresql-$major
    [ -n "$found" ] && ! is_fixed "$found" || return 0
    if have dpkg-query && dpkg-query -W "$package" >/dev/null 2>&1; then
        say "PostgreSQL $found has the hole CVE-2026-6471: looking for a newer minor version"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --only-upgrade "$package" >&2 || true
        found=$(postgresql_version "$major")
    fi
    is_fixed "$found" || say "warning: PostgreSQL $found has the hole CVE-2026-6471, and no newer minor version could be installed"
}

check_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -1)
    have cargo || fail "cargo is missing: Rust $wanted or newer is needed" \
        "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y && . ~/.cargo/env"
    found=$(cargo --version | awk '{print $2}')
    [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -1)" = "$wanted" ] ||
        fail "Rust $found is too old: $wanted is needed" "rustup update stable"
}

check_component() {
    cargo "$1" --version >/dev/null 2>&1 && return
    have rustup || fail "cargo $1 is missing" "install it with the Rust it belongs to"
    rustup component add "$2"
}

# What fuzzes the API, in a folder of its own: nothing else of the project is Python, and nothing of the system is touched.
install_schemathesis() {
    local wanted=tests/fuzz_api/requirements.txt venv=target/schemathesis
    cmp -s "$wanted" "$venv/requirements.txt" && [ -x "$venv/bin/st" ] && return
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted" ||
        fail "pip could not install $wanted" "look at the network and at pip's configuration"
    # Last: a folder that is half made has none.
    cp "$wanted" "$venv/requirements.txt"
}

packages=$(missing_packages)
# shellcheck disable=SC2086 # one word a package
[ -z "$packages" ] || install_packages $packages
check_rust
case $purpose in
build) check_postgresql && upgrade_postgresql ;;
lint) check_component fmt rustfmt && check_component clippy clippy ;;
test | slow)
    check_postgresql
    upgrade_postgresql
    cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked --version "$nextest"
    ;;
audit)
    [ "$(cargo deny --version 2>/dev/null)" = "cargo-deny $deny" ] || cargo install cargo-deny --locked --version "$deny" ;;
fuzz)
    check_postgresql
    upgrade_postgresql
    cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked --version "$nextest"
    install_schemathesis
    ;;
*) fail "$purpose is none of build, lint, test, slow, audit, fuzz" ;;
esac
