#!/bin/sh
# help: test [PATTERN] [--slow] [--preset P] -- build and run the tests; the last line counts them
#
#   PATTERN     a test program (ledger_test), a folder (ledger), or part of a case's name (TruncatedTrailing)
#   --slow      also the suites whose name ends in Slow and Python tests marked slow; sets CREDENCE_SLOW=1
#   --preset P  release (default), debug, asan or tsan
#   --only A,B  these test programs and no Python tests
#   --cap S     seconds that one case may take (default 300)
#
# Results as JSON and JUnit are left in build/PRESET/test-results/.
preset=release
only=
expect=
for word in "$@"; do
  case $expect in
    preset) preset=$word ;;
    only) only=$word ;;
  esac
  expect=
  case $word in
    --preset) expect=preset ;;
    --only) expect=only ;;
  esac
done
need_packages build python
if [ -n "$only" ]; then
  # shellcheck disable=SC2046
  build "$preset" $(printf '%s' "$only" | tr ',' ' ')
else
  build "$preset"
fi
need_venv
run "$PYTHON" tools/dev/run_tests.py --jobs "$JOBS" --root "$ROOT" --preset "$preset" "$@"
