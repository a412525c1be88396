#!/bin/sh
# Runs every engine on the same decisions and expressions and writes one table.
#
#   ./dev bench dmn            (builds what it needs, then comes here)
#   bench/dmn/run.sh           with build/release/bench/dmn/dmn_bench already built
#
# Everything it makes is in build/bench_dmn: cases, a result file for each program, report.md, report.json.
# What a peer needs, or it is left out and named:
#   ZEN                     cargo (Rust 1.85 or newer) and a crate registry
#   Drools, jDMN, Camunda   java and javac 17 or newer, mvn and Maven Central
#   the lending model       the DMN TCK in CREDENCE_TCK (default ../shared/data/tck)
# Environment: BENCH_PEERS ("zen drools jdmn camunda"), BENCH_ONLY (part of a case's name), BENCH_SECONDS a round
# (0.3), BENCH_ROUNDS (5), BENCH_WARM seconds for the JVM (3), BENCH_FORKS machines for the JVM (2),
# BENCH_INPUTS (1000000).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
here=bench/dmn
work=build/bench_dmn
peers=${BENCH_PEERS-zen drools jdmn camunda}
only=${BENCH_ONLY-}
seconds=${BENCH_SECONDS:-0.3}
rounds=${BENCH_ROUNDS:-5}
warm=${BENCH_WARM:-3}
forks=${BENCH_FORKS:-2}
tck=${CREDENCE_TCK:-../shared/data/tck}
lending=$tck/compliance-level-3/0004-lending/0004-lending.dmn

say() { printf 'bench: %s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }
wanted() { case " $peers " in *" $1 "*) return 0 ;; esac; return 1; }
skipped() {
  say "$1 is left out: $2"
  printf '{"peer":"%s","skipped":"%s"}\n' "$1" "$2" >"$work/$1.jsonl"
}

mkdir -p "$work"
rm -f "$work"/*.jsonl "$work"/*.log
set -- generate "$work" --inputs "${BENCH_INPUTS:-1000000}"
if [ -f "$lending" ]; then set -- "$@" --lending "$lending"; else say "the lending model is left out: no $lending"; fi
build/release/bench/dmn/dmn_bench "$@"
mkdir -p "$work/results"
rm -f "$work"/results/*

say "credence"
build/release/bench/dmn/dmn_bench run "$work" "$work/results/credence.jsonl" --seconds "$seconds" --rounds "$rounds" \
  --only "$only" 2>"$work/credence.log"

run_zen() {
  has cargo || { skipped zen "cargo is missing"; return 0; }
  CARGO_TARGET_DIR=$root/$work/cargo cargo build --release --locked --manifest-path "$here/rust/Cargo.toml" \
    >"$work/zen.log" 2>&1 || { skipped zen "cargo build failed, see $work/zen.log"; return 0; }
  say "zen"
  "$work/cargo/release/zen_bench" "$work" "$work/results/zen.jsonl" "$seconds" "$rounds" "$only" 2>>"$work/zen.log" ||
    say "zen stopped, see $work/zen.log"
}

# run_jvm PEER CLASS
run_jvm() {
  for tool in java javac mvn; do
    has "$tool" || { skipped "$1" "$tool is missing"; return 0; }
  done
  mkdir -p "$work/$1"
  mvn -B -f "$here/jvm/pom.xml" -P "$1" dependency:build-classpath -Dmdep.outputFile="$root/$work/$1.cp" \
    >"$work/$1.log" 2>&1 || { skipped "$1" "Maven cannot fetch it, see $work/$1.log"; return 0; }
  path=$(cat "$work/$1.cp")
  javac -nowarn -cp "$path" -d "$work/$1" "$here"/jvm/Bench.java "$here"/jvm/Engine.java "$here"/jvm/Json.java \
    "$here/jvm/$2.java" >>"$work/$1.log" 2>&1 || { skipped "$1" "it does not compile, see $work/$1.log"; return 0; }
  fork=1
  while [ "$fork" -le "$forks" ]; do
    say "$1, machine $fork of $forks"
    # A case that does not load in time ends the machine; another one goes on behind it.
    tries=0
    until java -Xmx4g -Xss16m -cp "$work/$1:$path" Bench "$1" "$2" "$work" "$work/results/$1-$fork.jsonl" "$seconds" \
      "$rounds" "$warm" "$only" >>"$work/$1.log" 2>&1; do
      tries=$((tries + 1))
      [ "$tries" -lt 20 ] || { say "$1 stopped, see $work/$1.log"; break; }
    done
    fork=$((fork + 1))
  done
}

if wanted zen; then run_zen; fi
if wanted drools; then run_jvm drools DroolsEngine; fi
if wanted jdmn; then run_jvm jdmn JdmnEngine; fi
if wanted camunda; then run_jvm camunda CamundaEngine; fi
find "$work" -maxdepth 1 -name '*.jsonl' -exec grep -l skipped {} + 2>/dev/null | xargs -r -I{} cp {} "$work/results/"
python3 "$here/report.py" "$work/results" "$work/report.md" "$work/report.json"
cat "$work/report.md"
