"""The demo: builds the mesh, does the eleven things, prints what it saw.   demo.py [--keep | --down]"""
import argparse
import os
import pathlib
import sys
import time
import traceback

import rows
from mesh import BUILD, Mesh, sweep

PREFIX = "weft-demo"
DIRECTORY = pathlib.Path("/run/weft-demo")


def say(text):
    print(text, flush=True)


def attempt(number, check):
    """One row of the table: what was seen, or why it does not hold."""
    started = time.monotonic()
    try:
        saw, holds = check(), True
    except Exception as error:  # a row that fails must not keep the others from being shown
        saw, holds = f"{type(error).__name__}: {error}".split("\n")[0][:300], False
        if os.environ.get("WEFT_DEBUG"):
            traceback.print_exc()
    say(f"{number:>2}. {'holds' if holds else 'FAILS'}  {rows.TITLES[number]}  ({time.monotonic() - started:.1f} s)")
    say(f"           {saw}")
    return holds


def run_rows(mesh):
    """All rows, with certificates of a minute up to row 9: they rotate while the rows before it run."""
    before = rows.serials(mesh)
    traffic = rows.Traffic(mesh)
    held = [attempt(1, lambda: rows.service_calls(mesh)), attempt(2, lambda: rows.wire_of_service_calls(mesh)),
            attempt(3, lambda: rows.policy_refuses(mesh)), attempt(4, lambda: rows.policy_edit(mesh)),
            attempt(5, lambda: rows.peer_modes(mesh)), attempt(6, lambda: rows.egress(mesh)),
            attempt(7, lambda: rows.one_node(mesh)), attempt(8, lambda: rows.server_first(mesh)),
            attempt(9, lambda: rows.rotation(mesh, traffic, before))]
    mesh.set_certificate_lifetime(86400)
    held += [attempt(10, lambda: rows.failures(mesh)), attempt(11, lambda: rows.iperf(mesh))]
    return sum(held)


def keep_hints(mesh):
    client = mesh.pods["client"]
    say(f"""
The mesh is running. Try:
  ip netns exec {client.namespace} curl http://10.96.0.10/        a mesh client calls nginx by its Service
  {BUILD}/cli/weftctl --socket {mesh.nodes['node-b'].socket} pods | connections | explain web | certs | drops
  edit {mesh.cluster.directory}/*.yaml                              policies take effect as you save
  ip netns exec {mesh.namespaces.name('wire')} tcpdump -ni br0    the wire between the nodes
  ./demo.sh --down                                              remove every trace
Logs are in {mesh.directory}.""")


def main():
    parser = argparse.ArgumentParser(prog="demo.sh")
    parser.add_argument("--keep", action="store_true", help="leave the mesh running")
    parser.add_argument("--down", action="store_true", help="remove what --keep left")
    arguments = parser.parse_args()
    sweep(PREFIX, DIRECTORY)
    if arguments.down:
        return 0
    mesh = Mesh(prefix=PREFIX, keep_directory=DIRECTORY)
    try:
        rows.build(mesh, lambda text: say(f"demo: {text}"), certificate_seconds=60)
        held = run_rows(mesh)
        say(f"demo: {held} of {len(rows.TITLES)} hold")
        if arguments.keep:
            keep_hints(mesh)
            return 0
        return 0 if held == len(rows.TITLES) else 1
    finally:
        if not arguments.keep:
            mesh.close()
            sweep(PREFIX, DIRECTORY)


if __name__ == "__main__":
    sys.exit(main())
