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
# prints passed, failed and unsupported of each file and of all; what cannot be read ("failed: FILE:LINE: why") and what
# nobody knows ("unsupported: what") by name. What differs is counted; it is no failure. Files may be packed (.gz, .zst). A
# folder without a file that is known, a file that is cut, or a program that does not come to its end: exit code 1.
set_of_vectors=${1:-}
case $set_of_vectors in
  '' | lending | ledger) ;;
  *) fail "conform: '$set_of_vectors' is neither lending nor ledger" ;;
esac
need_packages build python

# Adds up lines "FILE: N passed, N failed, N unsupported".
tally() {
  awk '/^(failed|unsupported)[: ]/ || /another kind of file/ { print }
       /: [0-9]+ passed, [0-9]+ failed, [0-9]+ unsupported$/ {
         print; files++; passed += $(NF-5); failed += $(NF-3); unsupported += $(NF-1)
       }
       END {
         printf "in all: %d passed, %d failed, %d unsupported\n", passed, failed, unsupported
         exit files == 0
       }'
}

# The files of a folder, and of folders in it, under the same names in another one: packed ones unpacked.
unpacked() {
  (cd "$1" && find . -maxdepth 3 -type f) | while IFS= read -r file; do
    mkdir -p "$2/$(dirname "$file")"
    case $file in
      *.gz) gzip -dc "$1/$file" >"$2/${file%.gz}" ;;
      *.zst) zstd -qdc "$1/$file" >"$2/${file%.zst}" ;;
      *) cp "$1/$file" "$2/$file" ;;
    esac || { echo "conform: $file is not whole" >&2; exit 1; }
  done || fail "conform: a file cannot be unpacked"
}

# A test that fails has said so; one that was stopped by something else has not.
to_the_end() {
  code=0
  "$@" || code=$?
  [ "$code" -le 1 ] || echo "stopped: $1 with exit code $code"
}

if [ -n "$set_of_vectors" ]; then
  [ -n "${2:-}" ] || fail "conform $set_of_vectors: which folder? ./dev conform $set_of_vectors DIR"
  case $2 in
    /*) folder=$2 ;;
    *) folder=$CALLER_DIR/$2 ;;
  esac
  [ -d "$folder" ] || fail "conform: there is no folder $folder"
  plain=$(mktemp -d)
  trap 'rm -rf "$plain"' EXIT
  unpacked "$folder" "$plain"
  if [ "$set_of_vectors" = lending ]; then
    build release lending_test lending_conformance_test
    export CREDENCE_LENDING_VECTORS=$plain
    {
      to_the_end build/release/src/lending/lending_test --gtest_filter='FineractVectors.*:Apr.*'
      to_the_end build/release/tests/conformance/lending_conformance_test
    } >"$plain/.said"
  else
    build release ledger_test
    export CREDENCE_LEDGER_VECTORS=$plain
    to_the_end build/release/src/ledger/ledger_test --gtest_filter='LedgerVectors.*' >"$plain/.said"
  fi
  tally <"$plain/.said" || fail "conform: no file that I know in $folder"
  if grep -E '^stopped: |^C[+][+] exception' "$plain/.said" >&2; then fail "conform: a program did not come to its end"; fi
else
  need_venv
  programs=$(cd tests/conformance && ls ./*_conformance_test.cc | sed 's/^\.\///; s/\.cc$//' | tr '\n' ',')
  programs=${programs%,}
  # shellcheck disable=SC2046
  build release $(printf '%s' "$programs" | tr ',' ' ')
  run "$PYTHON" tools/dev/run_tests.py --jobs "$JOBS" --root "$ROOT" --only "$programs"
fi
