#!/usr/bin/env bash
# Installs packages, builds, runs a mesh of two nodes in network namespaces with real clients, and prints a table of
# what it did and saw. Leaves nothing behind.
#   ./demo.sh          all eleven rows; exits 0 only if all hold
#   ./demo.sh --keep   leaves the mesh running and says what to try
#   ./demo.sh --down   removes what --keep left
set -euo pipefail
cd "$(dirname "$0")"
if [ "$(id -u)" != 0 ]; then
  echo "demo.sh: run as root: it makes network namespaces and TAP devices" >&2
  exit 1
fi
if [ "${1:-}" = --down ]; then
  exec python3 tests/e2e/demo.py --down
fi
./scripts/install-deps.sh
[ -f build/build.ninja ] || meson setup build >/dev/null
echo "demo: build (a few minutes the first time)"
ninja -C build dataplane/weft-dataplane controlplane/weft-controlplane cni/weft-cni cli/weftctl | { grep -E 'error|FAILED|no work to do' || true; }
exec python3 tests/e2e/demo.py "$@"
