#!/usr/bin/env bash
# Builds, starts three nodes, makes them one cluster and shows it at work. A demo that is there is deleted first.
set -euo pipefail
. "$(dirname "$0")/place.sh"

readonly target=${CARGO_TARGET_DIR:-$checkout/target}/release
# Random: the demo is reachable by every user of this machine.
password="Demo-$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')1"
readonly password

main() {
    cd "$checkout"
    say "building"
    cargo build --release --workspace --bins
    if [ -e "$demo" ] || [ -L "$demo" ]; then
        say "deleting the demo that is there"
        stop_all
        delete_all
    fi
    check_ports
    choose_place
    local node
    for node in $nodes; do start "$node"; done
    for node in $nodes; do wait_until_healthy "$node"; done
    change_passwords
    make_cluster
    show_keys
    show_cluster
    explain
}

check_ports() {
    local node port
    for node in $nodes; do
        for port in $rest_port $postgres_port; do
            if (exec 3<>"/dev/tcp/$(address "$node")/$port") 2>/dev/null; then
                fail "port $port of $(address "$node") is in use" "find its owner with: ss -ltnp 'sport = :$port'"
            fi
        done
    done
}

# In the checkout if PostgreSQL can work there: the path of its socket is limited, and as root it runs as another user.
choose_place() {
    local place="$demo"
    mkdir -p "$demo"
    if ! is_fit "$demo"; then
        place="/var/tmp/keystead-demo-$(printf '%s' "$checkout" | cksum | cut -d' ' -f1)"
        [ ! -e "$place" ] || fail "$place is in the way" "rm -r $place"
        mkdir -m 711 "$place"
        rmdir "$demo"
        ln -s "$place" "$demo"
        say "PostgreSQL cannot work under $checkout, so the demo is in $place"
    fi
    # For everybody to pass, for nobody else to list.
    chmod 711 "$place"
}

is_fit() {
    local socket="$1/node1/pg-run/.s.PGSQL.$postgres_port"
    [ "${#socket}" -le 107 ] && [[ $1 =~ ^[A-Za-z0-9/._+,:@=\ -]+$ ]] || return 1
    [ "$(id -u)" = 0 ] || return 0
    id postgres >/dev/null 2>&1 || fail "there is no user postgres for PostgreSQL to run as" "apt-get install postgresql"
    setpriv --reuid postgres --regid postgres --clear-groups test -x "$1"
}

start() {
    local place config
    place=$(readlink -f "$demo")
    config="$place/node$1.toml"
    cat >"$config" <<TOML
name = "demo-$1"
data_dir = "$place/node$1"

[rest]
listen = "$(address "$1"):$rest_port"

[postgres]
listen = ["$(address "$1")"]
port = $postgres_port
shared_buffers = "32MB"

[cluster]
allow_loopback = true
TOML
    setsid "$target/keysteadd" run --config "$config" >"$place/node$1.log" 2>&1 </dev/null &
    echo $! >"$place/node$1.pid"
    say "node $1 starts at $(url "$1") (log: .demo/node$1.log)"
}

wait_until_healthy() {
    local place
    place=$(readlink -f "$demo")
    for _ in $(seq 600); do
        if is_healthy "$1"; then return 0; fi
        if ! is_ours "$(cat "$place/node$1.pid")" "$place/node$1.toml"; then
            tail -20 "$place/node$1.log" >&2
            fail "node $1 did not start"
        fi
        sleep 0.1
    done
    tail -20 "$place/node$1.log" >&2
    fail "node $1 did not answer within a minute"
}

is_healthy() {
    local status
    status=$(ask "$1" services status 2>/dev/null) && ! grep -q '"starting"\|"error"' <<<"$status"
}

# ksctl against node $1; what the user keeps in a home folder plays no part. With $first_password in place of the password.
ask() {
    local node=$1
    shift
    HOME="$demo" KSCTL_USERNAME=$user KSCTL_PASSWORD=${first_password:-$password} KSCTL_NOSSLVERIFY=true \
        "$target/ksctl" --url "$(url "$node")" "$@"
}

change_passwords() {
    local node
    for node in $nodes; do
        # Random on every new node, and told by this file alone.
        first_password=$(cat "$(readlink -f "$demo")/node$node/first-password") \
            ask "$node" login --configfile "$demo/node$node.yaml" --new-password "$password" -y 2>/dev/null ||
            fail "the first password of node $node could not be changed" "look at .demo/node$node.log"
    done
    (
        umask 077
        printf 'KSCTL_USERNAME=%s\nKSCTL_PASSWORD=%s\nKSCTL_URL=%s\nKSCTL_NOSSLVERIFY=true\n' \
            "$user" "$password" "$(url 1)" >"$demo/env"
    )
}

make_cluster() {
    local node began ended
    say "making a cluster of node 1, then joining nodes 2 and 3"
    began=$(date +%s%N)
    ask 1 cluster new --host "$(address 1)" --public-address "$(url 1)" >/dev/null
    for node in 2 3; do
        ask 1 cluster fulljoin --member "$(address 1)" --newnodehost "$(address "$node")" \
            --newnodeurl "$(url "$node")" --newnodeuser $user --newnodepass "$password" \
            --newnodepublic "$(url "$node")" --block -y >/dev/null
    done
    ended=$(date +%s%N)
    say "cluster new and two joins took $(((ended - began) / 1000000)) ms"
}

show_keys() {
    local maker reader key
    for maker in $nodes; do
        key="demo-key-$maker"
        ask "$maker" keys create --name "$key" >/dev/null
        for reader in $nodes; do
            [ "$reader" = "$maker" ] || wait_for_key "$reader" "$key"
        done
        say "$key was made on node $maker and read on the others"
    done
}

wait_for_key() {
    for _ in $(seq 100); do
        if ask "$1" keys get --name "$2" >/dev/null 2>&1; then return 0; fi
        sleep 0.05
    done
    ask "$1" keys get --name "$2" >/dev/null
}

show_cluster() {
    local node
    say
    for node in $nodes; do
        say "cluster nodes list, asked of node $node:"
        ask "$node" cluster nodes list --respfmt table
    done
    say "cluster summary:"
    ask 1 cluster summary --respfmt table
}

explain() {
    cat <<TEXT

Three nodes are running. Try:

  export PATH="$target:\$PATH"
  set -a; eval "\$(make -s demo-env)"; set +a
  ksctl cluster nodes list --respfmt table
  ksctl keys create --name mine
  ksctl --url $(url 2) keys get --name mine

The OpenAPI document is at $(url 1)/openapi.json, the logs are .demo/node*.log.
Stop and delete it: make demo-down
TEXT
}

main
