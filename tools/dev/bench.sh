#!/bin/sh
# help: bench NAME [ARGS] -- run a benchmark, beside its peers where it has any: engine, serve, peers, dmn, ledger, day-end, lending, market
#
#   engine    credence bench ARGS: deciding, stage by stage; with --open the open loop (see credence bench --help)
#   serve     the server under a simulated market at a fixed rate: latencies beside the disk's floor, memory, disk, restart
#   peers     the same orders through Credence, Redis 7 and PostgreSQL 15: rates, latencies, sizes, values side by side
#   dmn       tables and expressions beside ZEN, Drools, jDMN and Camunda; bench/dmn/run.sh says what each peer needs
#   ledger    transfers and the day's end, beside PostgreSQL 15 where it is installed
#   day-end   the day's end of a million loans in a whole engine, with decisions beside it
#   lending   schedules
#   market    what the policy of packs/live-commerce is worth on simulated markets that it was not made with, and how far such a
#             market can be told apart (five minutes)
# A peer that cannot be built or found is left out and named.
name=${1:-}
[ $# -eq 0 ] || shift
case $name in
  engine)
    build release credence
    run build/release/apps/credence bench "$@"
    ;;
  serve)
    build release credence
    mkdir -p run
    run python3 bench/serve/serve_bench.py "$@"
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
  day-end)
    build release day_end_bench
    mkdir -p run
    run build/release/bench/day_end/day_end_bench --folder run "$@"
    ;;
  lending)
    build release lending_bench
    run build/release/bench/lending_bench "$@"
    ;;
  market)
    need_venv
    build release credence
    mkdir -p run
    for seed in 301 302 303 304 305; do
      run build/release/apps/credence simulate --seed $seed --days 30 --pack packs/live-commerce --compare --quiet \
        --report run/market-$seed.json --svg run/market-$seed.svg
    done
    run "$PYTHON" tools/market_separability.py "$@"
    ;;
  *) fail "which benchmark? there are: engine, serve, peers, dmn, ledger, day-end, lending, market" ;;
esac
