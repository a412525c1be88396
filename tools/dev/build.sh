#!/bin/sh
# help: build [PRESET] [TARGET...] -- compile: release (default), debug, asan, tsan or fuzz
#
#   ./dev build                      everything, optimised, assertions on
#   ./dev build asan ledger_test     one target with AddressSanitizer and UBSan
preset=${1:-release}
[ $# -eq 0 ] || shift
build "$preset" "$@"
