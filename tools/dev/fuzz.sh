#!/bin/sh
# help: fuzz [SECONDS] [NAME] -- run every fuzzer (or those with NAME in theirs) that long each (default 60)
#
# First the canary, which must crash: it shows that the fuzzers and the sanitizers work. Seeds are read from
# src/FOLDER/corpus/NAME/ where there is such a folder; what a run finds is kept in build/fuzz-corpus/, and an input
# that crashes in build/fuzz-crashes/, with the command that runs it again.
seconds=${1:-60}
pattern=${2:-}
case $seconds in *[!0-9]* | '') fail "'$seconds' is no number of seconds" ;; esac
build fuzz fuzzers
crashes=build/fuzz-crashes
mkdir -p "$crashes" build/fuzz-corpus

canary=build/fuzz/tests/fuzz_canary/canary_fuzz
if "$canary" -max_total_time=30 -seed=1 -artifact_prefix="$crashes/canary-" >"$crashes/canary.log" 2>&1; then
  fail "the canary did not crash in 30 s: the fuzzers or the sanitizers do not work"
fi
grep -q 'AddressSanitizer: heap-buffer-overflow' "$crashes/canary.log" ||
  fail "the canary did not end by AddressSanitizer's finding: see $crashes/canary.log"
rm -f "$crashes"/canary-*
say "ok     canary crashed, as it must"

bad=0
count=0
for fuzzer in build/fuzz/src/*/*_fuzz; do
  [ -x "$fuzzer" ] || continue
  name=$(basename "$fuzzer")
  case $name in *"$pattern"*) ;; *) continue ;; esac
  folder=$(basename "$(dirname "$fuzzer")")
  seeds=src/$folder/corpus/${name#"${folder}"_}
  [ -d "$seeds" ] || seeds=
  mkdir -p "build/fuzz-corpus/$name"
  count=$((count + 1))
  # shellcheck disable=SC2086
  if run "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -seed=1 -print_final_stats=1 \
    -artifact_prefix="$crashes/$name-" "build/fuzz-corpus/$name" $seeds >"$crashes/$name.log" 2>&1; then
    say "ok     $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$crashes/$name.log") inputs"
  else
    bad=$((bad + 1))
    tail -n 40 "$crashes/$name.log"
    say "FAILED $name"
    for input in "$crashes/$name"-*; do [ -f "$input" ] && say "       rerun: $fuzzer $input"; done
  fi
done
say "$count fuzzers, $bad failed"
[ "$bad" -eq 0 ]
