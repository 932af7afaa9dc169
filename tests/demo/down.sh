#!/usr/bin/env bash
# Stops the demo and deletes everything of it.
set -euo pipefail
. "$(dirname "$0")/place.sh"
[ -e "$demo" ] || { say "there is no demo"; exit 0; }
stop_all
delete_all
say "the demo is stopped and deleted"
