#!/bin/sh
# help: bench NAME -- run a benchmark beside its peers: dmn
# needs: bench/dmn/run.sh
#
# bench/NAME/run.sh says what each peer needs; a peer that cannot be built is left out and named.
[ "${1:-}" = dmn ] || fail "which benchmark? there is: dmn"
build release dmn_bench
run bench/dmn/run.sh
