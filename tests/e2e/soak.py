#!/usr/bin/env python3
"""The soak: connections opened, transferring, half-closed and reset between pods of two nodes, over a wire that loses,
delays and reorders. Every byte is checked on both sides; afterwards buffers and connections are what they were before.

    tests/e2e/soak.py [--seconds 600] [--rate 200] [--seed 1]

Prints figures, and as its last line one JSON object. Exit code 0: everything held.
"""
import argparse
import json
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mesh import BUILD, ROOT, Mesh, sweep  # noqa: E402
from netns import run, wait_until  # noqa: E402
from programs import listening  # noqa: E402

PREFIX = "weft-soak"
TIME_WAIT_S = 2
# client's pod, its Service: across the wire both ways, both families
FLOWS = [("client", "10.96.0.10", 80), ("intruder", "fd00:96::10", 80), ("neighbor", "10.96.0.13", 7001)]
PODS = [("client", "node-a"), ("intruder", "node-a"), ("steady", "node-a"), ("web", "node-b"), ("neighbor", "node-b")]
SERVERS = [("web", 8080), ("steady", 7001)]


def say(text):
    print(f"soak: {text}", flush=True)


def build(mesh, seed):
    mesh.lay_wire()
    mesh.add_nodes()
    for node in mesh.nodes.values():
        with open(node.directory / "dataplane.yaml", "a") as file:
            file.write(f"tcp:\n  time_wait: {TIME_WAIT_S}s\n"
                       # a RST that is lost is not repeated: keepalive finds the half-open connection that it leaves
                       "  keepalive_idle: 20s\n  keepalive_interval: 5s\n")
    impair = impair_wire(mesh, seed)
    mesh.cluster.copy(ROOT / "configs/demo")
    mesh.start_controlplane()
    mesh.give_tokens()
    for node in mesh.nodes.values():
        node.start()
    for name, node in PODS:
        mesh.add_pod(name, "shop", name, node)
    mesh.report_endpoints()
    mesh.wait_ready()
    return impair


def impair_wire(mesh, seed):
    """The two uplinks leave the bridge; between them stands weft-impair."""
    wire = mesh.namespaces.name("wire")
    ends = [f"p-{node.short}-up0" for node in mesh.nodes.values()]
    for end in ends:
        run("ip", "link", "set", end, "nomaster", namespace=wire)
    return mesh.start("impair", [BUILD / "tests/tools/weft-impair", *ends, "--seed", seed, "--loss", 1, "--delay", 5,
                                 "--jitter", 2, "--reorder", 1, "--reorder-delay", 4], namespace=wire)


def held(mesh):
    """What each node holds: connections, TIME-WAIT, buffers."""
    sums = {}
    for node in mesh.nodes.values():
        metrics = node.metrics()
        for key in ("weft_tcp_connections", "weft_tcp_time_wait", "weft_buffers_in_use", "weft_header_buffers_in_use"):
            sums[f"{node.short} {key.removeprefix('weft_')}"] = int(metrics[key])
    return sums


def exceeds(now, before, slack=8):
    """Names whose figure is above what it was; buffers by a few: frames on their way."""
    return [key for key, value in now.items() if value > before[key] + (slack if "buffers" in key else 0)]


def answers(process):
    return json.loads(process.text().strip().split("\n")[-1])


def soak(mesh, arguments):
    impair = build(mesh, arguments.seed)
    load = BUILD / "tests/tools/soak-load"
    servers = [mesh.pods[pod].start(f"server-{pod}", load, "server", port) for pod, port in SERVERS]
    for pod, port in SERVERS:
        wait_until(lambda: listening(mesh.pods[pod].namespace, port), 5, f"the server of {pod} listens")
    time.sleep(1)  # the mesh's own connections have settled: what is held now is the baseline
    before = held(mesh)
    say(f"before: {before}")
    begun = time.monotonic()
    clients = [mesh.pods[pod].start(f"load-{number}", load, "client", address, port, "--seconds", arguments.seconds,
                                    "--rate", arguments.rate / len(FLOWS), "--seed", arguments.seed + number)
               for number, (pod, address, port) in enumerate(FLOWS)]
    wait_until(lambda: not any(client.alive() for client in clients), arguments.seconds + 120, "the clients end")
    took = time.monotonic() - begun
    wait_until(lambda: not exceeds(held(mesh), before), TIME_WAIT_S + 60, f"what is held returns to {before}")
    after = held(mesh)
    for process in [*servers, impair]:
        process.signal(signal.SIGTERM)
        wait_until(lambda: not process.alive(), 5, f"{process.name} ends")
    say(f"after:  {after}")
    for line in impair.text().strip().split("\n"):
        say(line)
    return judge([answers(p) for p in clients], [answers(p) for p in servers], took, before, after)


def judge(clients, servers, took, before, after):
    def total(figures, key):
        return sum(each[key] for each in figures)
    bad = ("failed", "truncated", "wrong", "stuck")
    result = {"seconds": round(took, 1), "connections": total(clients, "opened"),
              "per_second": round(total(clients, "opened") / took, 1), "complete": total(clients, "complete"),
              "resets": total(clients, "resets"), "bytes_checked": total(clients, "bytes") + total(servers, "bytes"),
              **{key: total(clients, key) + total(servers, key) for key in bad}, "before": before, "after": after}
    result["clean"] = not any(result[key] for key in bad) and result["complete"] > 0
    return result


def main():
    parser = argparse.ArgumentParser(prog="soak.py")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, default=200, help="connections per second")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sweep(PREFIX)
    with Mesh(prefix=PREFIX) as mesh:
        result = soak(mesh, arguments)
    print(json.dumps(result))
    return 0 if result["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
