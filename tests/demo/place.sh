# Where the demo is and how its processes are found again; read by the other scripts here.
# shellcheck shell=bash

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# A folder, or a link to one where the checkout is no place for PostgreSQL.
readonly checkout demo="$checkout/.demo"
readonly nodes='1 2 3' user=admin rest_port=8443 postgres_port=5432

address() { echo "127.0.0.$(($1 + 1))"; }
url() { echo "https://$(address "$1"):$rest_port"; }
say() { printf '%s\n' "$*"; }
fail() { printf 'error: %s\n' "$1" >&2; [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2; exit 1; }

# Is process $1 alive, and does its command line hold $2? A process id alone may belong to somebody else by now.
is_ours() {
    [ -n "$1" ] && [ -r "/proc/$1/cmdline" ] && tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2"
}

# Sends signal $1 to process $2 if its command line holds $3, and waits until it is gone.
end() {
    is_ours "$2" "$3" || return 0
    kill "-$1" "$2" 2>/dev/null || return 0
    for _ in $(seq 300); do
        is_ours "$2" "$3" || return 0
        sleep 0.1
    done
    fail "process $2 does not end" "look at $(readlink -f "$demo")"
}

# Stops whatever runs of the demo, by the ids it left.
stop_all() {
    local place node
    place=$(readlink -f "$demo" 2>/dev/null) || return 0
    for node in $nodes; do
        end TERM "$(cat "$place/node$node.pid" 2>/dev/null)" "$place/node$node.toml" &
    done
    wait
    # An agent that was killed leaves its PostgreSQL.
    for node in $nodes; do
        end INT "$(head -1 "$place/node$node/pg/postmaster.pid" 2>/dev/null)" "$place/node$node/pg"
    done
}

delete_all() {
    local place
    place=$(readlink -f "$demo" 2>/dev/null) || return 0
    rm -rf -- "$place"
    rm -rf -- "$demo"
}
