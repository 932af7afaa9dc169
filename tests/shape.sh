#!/usr/bin/env bash
# The shape of the house: small files, each opening with what it decides.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly longest=600 median=150
failed=0
complain() { printf 'error: %s\n' "$*" >&2; failed=1; }

mapfile -t files < <(git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard '*.rs' | while read -r file; do [ ! -e "$file" ] || echo "$file"; done)

for file in "${files[@]}"; do
    head -1 "$file" | grep -q '^//!' || complain "$file does not begin with //!"
    lines=$(wc -l <"$file")
    [ "$lines" -le $longest ] || complain "$file has $lines lines: $longest is the most"
    case $(basename "$file" .rs) in
    util | utils | common | helper | helpers | manager | types | misc) complain "$file: the name says nothing" ;;
    esac
done

middle=$(wc -l "${files[@]}" | grep -v ' total$' | awk '{print $1}' | sort -n | awk '{all[NR] = $1} END {print all[int((NR + 1) / 2)]}')
[ "$middle" -lt $median ] || complain "the median file has $middle lines: it has to be under $median"

[ $failed = 1 ] || echo "${#files[@]} files, median $middle lines"
exit $failed
