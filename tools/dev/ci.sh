#!/bin/sh
# help: ci [--full] -- everything that a submission must pass, under 40 minutes on two cores
#
# Installs, checks, builds and tests the release preset, runs the core's unit tests under ASan and UBSan, every
# fuzzer for a second, and the documents. --full adds all tests under ASan and under TSan, the slow tests, all of
# clang-tidy and a minute a fuzzer. Every stage runs even when one before it failed; the last line counts the
# cases of ./dev test, and each other stage that failed counts as one failure.
full=
[ "${1:-}" != --full ] || full=1
need_packages build check python
mkdir -p build
log=build/ci-test.log
summary=
broken=0

stage() {
  title=$1
  shift
  printf '\n=== %s ===\n' "$title"
  show "$@"
  started=$(date +%s)
  if "$@"; then outcome=ok; else
    outcome=FAILED
    broken=$((broken + 1))
  fi
  summary="$summary$(printf '%-6s %5s s  %s' "$outcome" "$(($(date +%s) - started))" "$title")
"
}

# The test stage keeps its output, since its last line is also the last line of the whole run.
test_stage() {
  mkfifo build/ci-pipe 2>/dev/null || true
  tee "$log" <build/ci-pipe &
  code=0
  ./dev test "$@" >build/ci-pipe || code=$?
  wait
  rm -f build/ci-pipe
  return $code
}

# The core is every pure folder that has unit tests.
core=$(awk '/^\[folder\./ {gsub(/\[folder\.|\]/, ""); folder = $0} /^pure = true/ {print folder}' tools/layers.toml |
  while read -r folder; do if ls "src/$folder"/*_test.cc >/dev/null 2>&1; then printf '%s_test,' "$folder"; fi; done)
core=${core%,}
stage "tools" ./dev doctor
# Without --full clang-tidy reads the core alone, so that what passes does not depend on how fast the machine is.
[ -n "$full" ] || export CREDENCE_TIDY_CORE=1
stage "check" ./dev check ${full:+--all}
before_tests=$broken
stage "test" test_stage ${full:+--slow}
tests_broken=$((broken - before_tests))
if [ -n "$full" ]; then
  stage "all under ASan and UBSan" ./dev test --preset asan
else
  stage "core under ASan and UBSan" ./dev test --preset asan --only "$core"
fi
[ -z "$full" ] || stage "all under TSan" ./dev test --preset tsan
if [ -n "$full" ]; then fuzz_seconds=60; else fuzz_seconds=1; fi
stage "fuzzers" ./dev fuzz "$fuzz_seconds"
stage "documents" ./dev docs

printf '\n=== summary ===\n%s' "$summary"
counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
passed=$(printf '%s' "${counts:-0}" | sed 's/ .*//')
failed=$(printf '%s' "${counts:-0 passed, 0 failed}" | sed 's/.* passed, \([0-9]*\) failed.*/\1/')
skipped=$(printf '%s' "${counts:-0 skipped}" | sed 's/.*[ ,]\([0-9]*\) skipped/\1/')
[ -n "$counts" ] || failed=1
failed=$((failed + broken - tests_broken))
[ "$tests_broken" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
