#!/usr/bin/env bash
# Installs the packages, builds, and runs every test. Ends with one line: N passed, N failed, N skipped.
#   ./test.sh            everything (as root: the scenarios need network namespaces)
#   ./test.sh unit       tidy, unit tests, simulations, fuzz corpora
#   ./test.sh sanitize   the same under ASan and UBSan, for all that runs without DPDK
#   ./test.sh e2e        the scenarios with real programs in network namespaces
set -uo pipefail
cd "$(dirname "$0")"
./scripts/install-deps.sh || exit 1

passed=0 failed=0 skipped=0
what=${1:-all}

count() { # passed failed skipped
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

step() { printf '\n== %s\n' "$*"; }

build() { # directory, setup arguments, then -- and targets (none: all)
  local directory=$1 setup=() targets=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do setup+=("$1"); shift; done
  [ $# -gt 0 ] && shift
  targets=("$@")
  [ -f "$directory/build.ninja" ] || meson setup "$directory" "${setup[@]}" >/dev/null || return 1
  ninja -C "$directory" "${targets[@]}" >"$directory/build.log" 2>&1 || { grep -E 'error|FAILED' "$directory/build.log" | head -40; return 1; }
}

meson_tests() { # directory, factor of all time limits (1)
  local log="$1/meson-logs/testlog.json"
  rm -f "$log"
  meson test -C "$1" --no-rebuild --print-errorlogs --num-processes 2 --timeout-multiplier "${2:-1}"
  # shellcheck disable=SC2046
  count $(python3 - "$log" <<'PY'
import json, sys
try:
    results = [json.loads(line)["result"] for line in open(sys.argv[1])]
except OSError:
    results = ["FAIL"]
ok = sum(r in ("OK", "EXPECTEDFAIL") for r in results)
skip = sum(r == "SKIP" for r in results)
print(ok, len(results) - ok - skip, skip)
PY
)
}

unit() {
  step 'build'
  build build || { count 0 1 0; return; }
  step 'unit tests, simulations, fuzz corpora, tidy'
  meson_tests build
}

sanitize() {
  step 'build with ASan and UBSan (all that runs without DPDK)'
  build build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=0 -Ddpdk=false ||
    { count 0 1 0; return; }
  step 'the same tests under ASan and UBSan'
  export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  meson_tests build-asan 4
}

e2e() {
  step 'build'
  build build || { count 0 1 0; return; }
  step 'scenarios in network namespaces'
  local log=build/e2e.log
  python3 tests/e2e/run.py 2>&1 | tee "$log"
  local line
  line=$(grep -E '^e2e: [0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -1)
  if [ -n "$line" ]; then
    # shellcheck disable=SC2046
    count $(tr -dc '0-9 ' <<<"${line#e2e:}")
  else
    count 0 1 0
  fi
}

case $what in
  all) unit; sanitize; e2e ;;
  unit | sanitize | e2e) "$what" ;;
  *) sed -n '2,6p' "$0"; exit 2 ;;
esac

printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
