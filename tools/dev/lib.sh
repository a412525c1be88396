# Sourced by ./dev before a command, with the repository root as working directory. POSIX sh only.

JOBS=${CREDENCE_JOBS:-$(nproc)}

# ccache: paths are taken relative to the root, so that two worktrees share what they compile; the
# precompiled header asks for the sloppiness.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$ROOT}"
export CCACHE_NOHASHDIR="${CCACHE_NOHASHDIR:-1}"
export CCACHE_SLOPPINESS="${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}"
export CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-8G}"

say() { printf '%s\n' "$*"; }
note() { printf 'dev: %s\n' "$*" >&2; }
fail() {
  printf 'dev: error: %s\n' "$*" >&2
  exit 1
}

# Prints a command so that it can be pasted into a shell at the root.
show() {
  line='+'
  for word in "$@"; do
    case $word in
      '' | *[!A-Za-z0-9_./:=,@%+-]*) word="'$(printf '%s' "$word" | sed "s/'/'\\\\''/g")'" ;;
    esac
    line="$line $word"
  done
  printf '%s\n' "$line" >&2
}
run() {
  show "$@"
  "$@"
}

# Is the command in this file to be listed: does what it works on exist?
listed() {
  [ "$1" != tools/dev/lib.sh ] || return 1
  needs=$(sed -n '3s/^# needs: //p' "$1")
  [ -z "$needs" ] || [ -e "$needs" ]
}

# The apt packages of the named groups in packages.txt, one "name version" a line.
packages() {
  for group in "$@"; do
    awk -v group="[$group]" '/^ *(#|$)/ {next} /^\[/ {on = ($1 == group); next} on {print $1, $2}' tools/dev/packages.txt
  done
}

missing_packages() {
  names=$(packages "$@" | cut -d ' ' -f 1)
  # shellcheck disable=SC2086
  have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $names 2>/dev/null | sed -n 's/^installed //p') || true
  for name in $names; do
    case "
$have
" in
      *"
$name
"*) ;;
      *) printf '%s ' "$name" ;;
    esac
  done
}

# Installs what is missing of these package groups; a quick look when nothing is.
need_packages() {
  if ! command -v dpkg-query >/dev/null 2>&1; then
    note "this is no Debian: packages are not looked after (tools/dev/packages.txt lists what is needed)"
    return 0
  fi
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      fail "these packages are missing and there is no sudo; as root: apt-get update && apt-get install -y --no-install-recommends $missing"
    as_root=sudo
  fi
  # What apt says goes to stderr, so that the output of the command stays its own.
  # shellcheck disable=SC2086
  {
    run $as_root apt-get -q update
    run $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing
  } >&2
}

# Debian's own interpreter where there is one: the pins in requirements.txt are for it.
system_python() {
  if [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else echo python3; fi
}

# Makes .venv with the pinned packages, once for each content of requirements.txt. Sets PYTHON.
need_venv() {
  need_packages python
  PYTHON=$ROOT/.venv/bin/python
  if [ -x "$PYTHON" ] && cmp -s tools/dev/requirements.txt .venv/requirements.txt; then return 0; fi
  run "$(system_python)" -m venv .venv >&2
  run .venv/bin/pip install --quiet --disable-pip-version-check -r tools/dev/requirements.txt >&2
  cp tools/dev/requirements.txt .venv/requirements.txt
}

# configure PRESET: only when it never was, or the presets changed; ninja sees all other changes itself.
configure() {
  stamp=build/$1/.configured
  if [ -f "$stamp" ] && [ -f "build/$1/CMakeCache.txt" ] && [ ! CMakePresets.json -nt "$stamp" ]; then return 0; fi
  run cmake --preset "$1"
  : >"$stamp"
}

# build PRESET [TARGET...]
build() {
  preset=$1
  shift
  need_packages build
  case $preset in
    release | debug | asan | tsan) ;;
    fuzz | tidy) need_packages check ;;
    *) fail "there is no preset '$preset': release, debug, asan, tsan, fuzz" ;;
  esac
  configure "$preset" >&2
  run cmake --build "build/$preset" --parallel "$JOBS" ${1:+--target} "$@" >&2
}
