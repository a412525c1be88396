#!/bin/sh
# help: demo [--once] -- make a small bank's events, decide its loan applications, prove the decisions
# needs: apps/CMakeLists.txt
#
# Leaves run/demo/: events.ndjson (invented, tools/demo_events.py), decisions.ndjson, and store/ with the journal.
need_packages build python
command -v python3 >/dev/null || fail "python3 is missing"
build release credence
mkdir -p run/demo
rm -rf run/demo/store
credence=build/release/apps/credence
run python3 tools/demo_events.py run/demo/events.ndjson --accounts 1000 --seed 1
run "$credence" pack check packs/bank-account-loan
run "$credence" replay packs/bank-account-loan --events run/demo/events.ndjson --history \
  --store run/demo/store --decisions run/demo/decisions.ndjson --show 3
run "$credence" verify run/demo/store
first=$(sed -n '1s/.*"id":"\(D-[0-9]*\)".*/\1/p' run/demo/decisions.ndjson)
[ -z "$first" ] || run "$credence" inspect run/demo/store --decision "$first"
say
say "Left to look at: run/demo/decisions.ndjson (one decision a line) and run/demo/store (the journal)."
say "Try: $credence inspect run/demo/store --entity account 10001"
