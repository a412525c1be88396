#!/bin/sh
# help: conform [lending|ledger DIR] -- run the conformance kits and hold their lists of passing cases
# needs: tests/conformance/CMakeLists.txt
#
# Without arguments every program tests/conformance/NAME_conformance_test.cc. A list of passing cases is committed
# beside its program and may only grow.
#
#   lending DIR   any folder of vectors (docs/LENDING.md, Vectors): emi_schedules.csv, emi_unit_vectors.json,
#                 classA_unique_interest.json, scenarios.jsonl.gz, us_reg_z_appendix_j.csv, eu_*.csv, cn_*.csv, there
#                 or in folders fineract/ and apr/. products.json beside them says what products mean
#   ledger DIR    any folder of *.json like two_phase_transfers.json
#
# prints passed, failed and unsupported of each file and of all. What differs is counted; it is no failure.
set_of_vectors=${1:-}
case $set_of_vectors in
  '' | lending | ledger) ;;
  *) fail "conform: '$set_of_vectors' is neither lending nor ledger" ;;
esac
need_packages build python

# Adds up lines "FILE: N passed, N failed, N unsupported".
tally() {
  awk '/: [0-9]+ passed, [0-9]+ failed, [0-9]+ unsupported$/ {
         print; files++; passed += $(NF-5); failed += $(NF-3); unsupported += $(NF-1)
       }
       END {
         printf "in all: %d passed, %d failed, %d unsupported\n", passed, failed, unsupported
         exit files == 0
       }'
}

if [ -n "$set_of_vectors" ]; then
  [ -n "${2:-}" ] || fail "conform $set_of_vectors: which folder? ./dev conform $set_of_vectors DIR"
  case $2 in
    /*) folder=$2 ;;
    *) folder=$CALLER_DIR/$2 ;;
  esac
  [ -d "$folder" ] || fail "conform: there is no folder $folder"
  if [ "$set_of_vectors" = lending ]; then
    build release lending_test lending_conformance_test
    {
      CREDENCE_LENDING_VECTORS=$folder build/release/src/lending/lending_test \
        --gtest_filter='FineractVectors.*:Apr.*' || true
      CREDENCE_LENDING_VECTORS=$folder build/release/tests/conformance/lending_conformance_test || true
    } | tally || fail "conform: no file that I know in $folder"
  else
    build release ledger_test
    { CREDENCE_LEDGER_VECTORS=$folder build/release/src/ledger/ledger_test --gtest_filter='LedgerVectors.*' || true; } |
      tally || fail "conform: no file that I know in $folder"
  fi
else
  need_venv
  programs=$(cd tests/conformance && ls ./*_conformance_test.cc | sed 's/^\.\///; s/\.cc$//' | tr '\n' ',')
  programs=${programs%,}
  # shellcheck disable=SC2046
  build release $(printf '%s' "$programs" | tr ',' ' ')
  run "$PYTHON" tools/dev/run_tests.py --jobs "$JOBS" --root "$ROOT" --only "$programs"
fi
