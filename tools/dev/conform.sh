#!/bin/sh
# help: conform -- run the conformance kits and hold their lists of passing cases
# needs: tests/conformance/CMakeLists.txt
#
# Every program tests/conformance/NAME_conformance_test.cc. A list of passing cases is committed beside its program
# and may only grow.
need_packages build python
need_venv
programs=$(cd tests/conformance && ls ./*_conformance_test.cc | sed 's/^\.\///; s/\.cc$//' | tr '\n' ',')
programs=${programs%,}
# shellcheck disable=SC2046
build release $(printf '%s' "$programs" | tr ',' ' ')
run "$PYTHON" tools/dev/run_tests.py --jobs "$JOBS" --root "$ROOT" --only "$programs"
