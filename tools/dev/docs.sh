#!/bin/sh
# help: docs [FILE...] -- run the console blocks of the README and the documents and compare what they print
#
# A block opens with ```console and its commands with "$ "; what follows a command is what it must print, where a
# line "..." stands for any lines and "..." inside a line for any text. ```console no-run is shown but not run.
# Commands run at the root, with build/release/apps first on the PATH, each block in one shell.
need_venv
if [ $# -eq 0 ]; then
  run "$PYTHON" tools/dev/run_docs.py --root "$ROOT"
else
  first=1
  for file in "$@"; do
    [ -z "$first" ] || set --
    first=
    case $file in /*) ;; *) file=$CALLER_DIR/$file ;; esac
    set -- "$@" "$file"
  done
  run "$PYTHON" tools/dev/run_docs.py --root "$ROOT" "$@"
fi
