#!/bin/sh
# help: run ARGUMENTS... -- build the program credence and run it with these arguments, from where you are
# needs: apps/CMakeLists.txt
#
#   ./dev run replay packs/bank-account-loan --events FILE --history
build release credence
cd "$CALLER_DIR"
show "$ROOT/build/release/apps/credence" "$@"
exec "$ROOT/build/release/apps/credence" "$@"
