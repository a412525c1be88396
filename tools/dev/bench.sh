#!/bin/sh
# help: bench NAME [ARGS] -- run a benchmark, beside its peers where it has any: engine, dmn, ledger, lending
#
#   engine    credence bench ARGS: deciding, stage by stage; with --open the open loop (see credence bench --help)
#   dmn       tables and expressions beside ZEN, Drools, jDMN and Camunda; bench/dmn/run.sh says what each peer needs
#   ledger    transfers and the day's end, beside PostgreSQL 15 where it is installed
#   lending   schedules
# A peer that cannot be built or found is left out and named.
name=${1:-}
[ $# -eq 0 ] || shift
case $name in
  engine)
    build release credence
    run build/release/apps/credence bench "$@"
    ;;
  dmn)
    build release dmn_bench
    run bench/dmn/run.sh "$@"
    ;;
  ledger)
    build release ledger_bench
    run build/release/bench/ledger/ledger_bench "$@"
    ;;
  lending)
    build release lending_bench
    run build/release/bench/lending_bench "$@"
    ;;
  *) fail "which benchmark? there are: engine, dmn, ledger, lending" ;;
esac
