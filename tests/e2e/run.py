"""The scenarios, one by one, on one mesh of two nodes.   run.py [NAME...]   runs those whose name holds a NAME

One line a scenario; the last line is `e2e: N passed, N failed, N skipped`. Leaves nothing behind.
WEFT_BUILD names another build folder, WEFT_E2E_PREFIX other namespaces for a second run at the same time (no name that
begins with the first's and a dash).
"""
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
import traceback

import row_tests
import rows
from mesh import Mesh, sweep
from netns import CommandError
from scenario import SCENARIOS, Baseline, Skip

PREFIX = os.environ.get("WEFT_E2E_PREFIX", "weft-e2e")
for room in ("cni_contract", "network", "load", "impaired", "packets", "tls_input", "bad_input"):  # after the rows, in this order
    importlib.import_module(room)


def say(text):
    print(text, flush=True)


def run_one(mesh, check, baseline):
    """ "passed", "failed" or "skipped"; what a failure left is undone, so that the next scenario finds its mesh."""
    started = time.monotonic()
    try:
        check(mesh)
        say(f"ok {check.__name__} ({time.monotonic() - started:.1f} s)")
        return "passed"
    except Skip as why:
        say(f"skip {check.__name__}: {why}")
        return "skipped"
    except Exception as error:
        why = f"{type(error).__name__}: {error}".replace("\n", " ")[:600]
        say(f"FAIL {check.__name__}: {why} ({time.monotonic() - started:.1f} s)")
        if os.environ.get("WEFT_DEBUG"):
            traceback.print_exc()
    try:
        baseline.restore()
    except (AssertionError, TimeoutError, CommandError, OSError, subprocess.TimeoutExpired) as error:
        say(f"# the mesh after {check.__name__}: {type(error).__name__}: {error}"[:300])
    return "failed"


def run_all(checks):
    counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
    rotates = any("row_9_rotation" in check.__name__ for check in checks)
    mesh = Mesh(prefix=PREFIX)
    try:
        rows.build(mesh, lambda text: say(f"# {text}"), certificate_seconds=60 if rotates else 86400)
        if rotates:
            row_tests.prepare_rotation(mesh)
        baseline = Baseline(mesh)
        for check in checks:
            counts[run_one(mesh, check, baseline)] += 1
    finally:
        mesh.close()
        sweep(PREFIX)
    return counts


def only_run():
    """A name of the kernel's that one process can hold, and that ends with it. None: another run holds it."""
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(f"\0{PREFIX}")
    except OSError:
        return None
    return lock


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = sys.argv[1:]
    checks = [check for check in SCENARIOS if not wanted or any(name in check.__name__ for name in wanted)]
    if not checks:
        say("e2e: no scenario has such a name; there are:\n  " + "\n  ".join(c.__name__ for c in SCENARIOS))
        return 2
    lock = only_run()
    if lock is None:
        say(f"e2e: another run uses the namespaces {PREFIX}-*; WEFT_E2E_PREFIX names others")
        return 1
    sweep(PREFIX)
    try:
        counts = run_all(checks)
    except (TimeoutError, CommandError, OSError) as error:
        say(f"FAIL the mesh does not come up: {error}")
        counts = {"passed": 0, "failed": 1, "skipped": 0}
    say("e2e: {passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 0 if counts["failed"] == 0 and counts["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
