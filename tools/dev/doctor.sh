#!/bin/sh
# help: doctor [--look] -- install what is missing and say what this machine has (--look: install nothing)
look=
[ "${1:-}" != --look ] || look=1
if [ -z "$look" ]; then
  need_packages build check python
  need_venv
fi
worst=0
if command -v dpkg-query >/dev/null 2>&1; then
  # shellcheck disable=SC2046
  have=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' $(packages build check python | cut -d ' ' -f 1) 2>/dev/null) || true
  say "packages (tools/dev/packages.txt):"
  report=$({
    packages build check python
    printf '%s\n' "$have"
  } | awk '
    NF == 2 {want[$1] = $2; order[++n] = $1}
    $1 == "installed" {got[$2] = $3}
    END {
      for (i = 1; i <= n; i++) {
        p = order[i]
        state = !(p in got) ? "MISSING" : index(got[p], want[p]) == 1 ? "ok" : "other version than " want[p]
        printf "  %-22s %-24s %s\n", p, (p in got) ? got[p] : "-", state
      }
    }')
  printf '%s\n' "$report"
  case $report in *MISSING*) worst=1 ;; esac
fi
say "machine:"
say "  processors  $(nproc), ./dev uses $JOBS"
say "  memory      $(awk '/MemTotal/ {printf "%.1f GiB", $2 / 1048576}' /proc/meminfo)"
say "  disk free   $(df -h --output=avail . | tail -n 1 | tr -d ' ')"
if command -v ccache >/dev/null 2>&1; then
  say "  ccache      $(ccache --get-config cache_dir), up to $CCACHE_MAXSIZE"
fi
shared=${CREDENCE_SHARED:-$ROOT/../shared}
if [ -d "$shared" ]; then
  say "  real data   $(readlink -f "$shared")"
else
  say "  real data   not here: no $shared, so the tests that read it are skipped"
fi
if [ -x .venv/bin/python ] && cmp -s tools/dev/requirements.txt .venv/requirements.txt; then
  say "  .venv       $(.venv/bin/python --version), as in tools/dev/requirements.txt"
else
  say "  .venv       not made yet; the commands that need Python make it"
fi
[ "$worst" -eq 0 ] || fail "packages are missing; ./dev doctor installs them"
