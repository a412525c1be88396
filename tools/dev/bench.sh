#!/bin/sh
# help: bench NAME [ARGS] -- run a benchmark, beside its peers where it has any: engine, peers, dmn, ledger, lending
#
#   engine    credence bench ARGS: deciding, stage by stage; with --open the open loop (see credence bench --help)
#   peers     the same orders through Credence, Redis 7 and PostgreSQL 15: rates, latencies, sizes, values side by side
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
  peers)
    need_packages build peers
    configure release >&2
    # The libraries of the peers' protocols may be new here.
    run cmake --preset release >&2
    build release credence peers_bench
    run bench/peers/run.sh "$@"
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
  *) fail "which benchmark? there are: engine, peers, dmn, ledger, lending" ;;
esac
