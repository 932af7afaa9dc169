#!/usr/bin/env bash
# Prints the environment for ksctl against the demo's first node.
set -euo pipefail
. "$(dirname "$0")/place.sh"
[ -r "$demo/env" ] || fail "there is no demo" "make demo"
cat "$demo/env"
