#!/bin/sh
# help: fmt [FILE...] -- format the C++ sources in place (all that git knows, or these)
need_packages check
if [ $# -eq 0 ]; then
  show clang-format-16 -i '$(git ls-files *.cc *.h)'
  git -c safe.directory="$ROOT" ls-files -z --cached --others --exclude-standard -- '*.cc' '*.h' |
    xargs -0 -r -n 40 -P "$JOBS" clang-format-16 -i
else
  for file in "$@"; do
    case $file in /*) ;; *) file=$CALLER_DIR/$file ;; esac
    run clang-format-16 -i "$file"
  done
fi
