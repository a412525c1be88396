#!/bin/sh
# help: sim [--long] [--kill [--http N]] [--seed S] -- crash a store at every moment, or kill a real process; see --help
# needs: sim/CMakeLists.txt
#
#   (nothing)    100,000 simulated crash points of a whole engine, in journal and RocksDB, and failing, full and lying disks
#   --long       a million, a quarter of an hour on two cores
#   --seed S     the crash points of this seed alone: what a failure tells to run
#   --kill       a real process on a real disk that writes checkpoints is killed 200 times (--kills N)
#   --http N     with --kill: `credence serve` under load over HTTP is killed N times
mode=crash
set -- "$@" --end
words=
while [ "$1" != --end ]; do
  case $1 in
    --long) words="$words --points 1000000" ;;
    --seed) words="$words --seed $2 --one"; seed=$2; shift ;;
    --kill) [ "$mode" = http ] || mode=kill ;;
    --kills) mode=kill; kills=$2; shift ;;
    --http) mode=http; kills=$2; shift ;;
    *) fail "'$1' is no option of sim; ./dev sim --help lists them" ;;
  esac
  shift
done
if [ "$mode" = http ]; then
  need_venv
  build release credence
  run "$PYTHON" tests/api/kill_server.py --kills "$kills" --seed "${seed:-1}"
  exit $?
fi
build release credence-sim
program=build/release/sim/credence-sim
case $mode in
  kill) run "$program" kill --kills "${kills:-200}" --seed "${seed:-1}" ;;
  # shellcheck disable=SC2086
  *) run "$program" crash $words ;;
esac
