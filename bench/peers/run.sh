#!/bin/sh
# Writes the orders of `credence bench` to a file and runs Credence, Redis and PostgreSQL on it, one after the other.
#
#   ./dev bench peers [OPTIONS]      (builds and installs what it needs, then comes here)
#
# Of the stream: --entities N (100000) of each type, --zipf Z (1.0), --events-per-day N (10000), --seed N (1).
# Of the run: --preload N (100000) orders that are there before, --events N (10000) measured, --singles N (500) one at a
# time; what else is given goes to peers_bench (see peers_bench --help). The report is also in build/bench_peers/report.json.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
work=build/bench_peers
entities=100000 zipf=1.0 per_day=10000 seed=1 preload=100000 events=10000 singles=500
rest=
while [ $# -gt 0 ]; do
  case $1 in
    --entities) entities=$2; shift ;;
    --zipf) zipf=$2; shift ;;
    --events-per-day) per_day=$2; shift ;;
    --seed) seed=$2; shift ;;
    --preload) preload=$2; shift ;;
    --events) events=$2; shift ;;
    --singles) singles=$2; shift ;;
    *) rest="$rest $1" ;;
  esac
  shift
done
mkdir -p "$work"
# PostgreSQL runs as a user of its own where this is root, and the path of a socket is short: so not below a home.
folder=$(mktemp -d "${TMPDIR:-/tmp}/peers.XXXXXX")
trap 'rm -rf "$folder"' EXIT INT TERM
chmod 755 "$folder"
build/release/apps/credence bench --write-events "$folder/events.ndjson" --events $((preload + events + singles)) \
  --entities "$entities" --zipf "$zipf" --events-per-day "$per_day" --seed "$seed"
# shellcheck disable=SC2086
build/release/bench/peers/peers_bench "$folder/events.ndjson" --folder "$folder" --preload "$preload" \
  --events "$events" --singles "$singles" --json "$work/report.json" $rest
