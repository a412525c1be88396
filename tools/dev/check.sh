#!/bin/sh
# help: check [--all] [STEP...] -- format, layers, tree, headers, tidy: what a reviewer need not look for
#
#   format   clang-format 16 would change nothing
#   layers   includes and banned names are as tools/layers.toml says
#   tree     names, sizes, unfinished marks, machine paths, invariants whose test exists
#   headers  every header of src/ compiles alone
#   tidy     clang-tidy 16 on what changed and on the core, as far as a time budget goes
#            (CREDENCE_TIDY_SECONDS, default 240; CREDENCE_TIDY_CORE: the core alone; --all: every file, no budget)
#
# All steps run; the command fails when one did.
all=
steps=
for word in "$@"; do
  case $word in
    --all) all=1 ;;
    format | layers | tree | headers | tidy) steps="$steps $word" ;;
    *) fail "there is no step '$word': format, layers, tree, headers, tidy" ;;
  esac
done
need_packages build check python
mkdir -p build

format_step() {
  show clang-format-16 --dry-run -Werror '$(git ls-files *.cc *.h)'
  git -c safe.directory="$ROOT" ls-files -z --cached --others --exclude-standard -- '*.cc' '*.h' |
    xargs -0 -r -n 40 -P "$JOBS" clang-format-16 --dry-run -Werror >build/format.log 2>&1 && return 0
  sed -n 's/^\([^: ]*\):[0-9]*:[0-9]*: error:.*/\1/p' build/format.log | sort -u | sed 's/$/: not formatted: .\/dev fmt/'
  return 1
}
layers_step() { run "$(system_python)" tools/check_layers.py; }
tree_step() { run "$(system_python)" tools/check_tree.py; }
headers_step() { build release header_check; }
tidy_step() {
  # Always: the compile database is made here alone, and no build renews it.
  run cmake --preset tidy >build/tidy-configure.log 2>&1 || { cat build/tidy-configure.log; return 1; }
  run "$(system_python)" tools/check_tidy.py --jobs "$JOBS" --seconds "${CREDENCE_TIDY_SECONDS:-240}" ${all:+--all} ${CREDENCE_TIDY_CORE:+--core}
}

bad=
for step in ${steps:-format layers tree headers tidy}; do
  if "${step}_step"; then say "ok     $step"; else
    say "FAILED $step"
    bad="$bad $step"
  fi
done
[ -z "$bad" ] || fail "check failed:$bad"
