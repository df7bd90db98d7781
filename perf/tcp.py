"""`perf/run tcp`: what our TCP costs, stage by stage, and what the kernel's costs in the same run."""
import json
import statistics
import subprocess

from mesh import BUILD
from netns import Namespaces, run

ROUNDS = 3
CORE = "1"
ADDRESSES = {"a": "10.99.0.1/24", "b": "10.99.0.2/24"}

# How the kernel's segments travel: one by one through TCP, IP and device; cut in software in front of the device, and not
# merged again; as super-segments all the way.
WIRES = {
    "single": {"gso_max_segs": "1", "off": ("tso", "gro")},
    "cut": {"gso_max_segs": "65535", "off": ("tso", "gro")},
    "super": {"gso_max_segs": "65535", "off": ()},
}

# Name, our figure, the kernel's. Both hold both ends. The kernel's have IP, queueing discipline, virtual device, softirq
# and system calls in them; ours Ethernet, IP and classification where it says `whole stack`, else TCP alone.
COMPARED = [
    ("stack_cut", "stack_everything", "cut", "whole stack, segments cut in software"),
    ("stack_cut_copied", "stack_everything", "cut_copied", "  beside write() and read(), ours does not copy"),
    ("tcp_single", "bulk_everything", "single", "TCP alone, each segment for itself"),
    ("tcp_super", "super_everything", "super", "TCP alone, a wire segment of a super-segment"),
    ("tcp_super_copied", "super_everything", "super_copied", "  beside write() and read(), ours does not copy"),
    ("life", "life", "life", "TCP alone, a connection set up and torn down"),
]


def ours():
    command = ["taskset", "-c", CORE, BUILD / "perf/perf_tcp"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    figures["life"] = sum(figures[f"{verb}_{end}"] for verb in ("open", "close") for end in ("active", "passive"))
    return done.stdout.rsplit("\n{", 1)[0], figures


def lay_wire(spaces, wire):
    """Two namespaces and a veth."""
    for short in ADDRESSES:
        spaces.add(short)
    run("ip", "link", "add", "v-a", "netns", spaces.name("a"), "type", "veth",
        "peer", "name", "v-b", "netns", spaces.name("b"))
    for short, address in ADDRESSES.items():
        device, namespace = f"v-{short}", spaces.name(short)
        # As many source ports as ours: with TIME-WAIT on fewer, a search for a free one is what connect() costs.
        run("sysctl", "-qw", "net.ipv4.ip_local_port_range=10240 65535", namespace=namespace)
        run("ip", "link", "set", device, "gso_max_segs", wire["gso_max_segs"], namespace=namespace)
        for feature in wire["off"]:
            run("ethtool", "-K", device, feature, "off", namespace=namespace)
        run("ip", "address", "add", address, "dev", device, namespace=namespace)
        run("ip", "link", "set", device, "up", namespace=namespace)


def kernel_once(wire):
    spaces = Namespaces("weft-tcp")
    try:
        lay_wire(spaces, wire)
        paths = (f"/run/netns/{spaces.name(short)}" for short in ADDRESSES)
        command = ["taskset", "-c", CORE, BUILD / "perf/perf_tcp_kernel", *paths, ADDRESSES["b"].split("/")[0]]
        return json.loads(run(*command, timeout=120).stdout)
    finally:
        spaces.close()


def kernel(cycles_per_us):
    """In cycles, for each segment and connection."""
    cycles = {}
    for name, wire in WIRES.items():
        figures = kernel_once(wire)
        cycles[name] = figures["segment_ns"] * cycles_per_us / 1000
        cycles[f"{name}_copied"] = figures["segment_copied_ns"] * cycles_per_us / 1000
        cycles["life"] = figures["life_ns"] * cycles_per_us / 1000
    return cycles


def median_of(rounds):
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def measure():
    our_rounds, kernel_rounds = [], []
    for _ in range(ROUNDS):
        table, figures = ours()
        our_rounds.append(figures)
        kernel_rounds.append(kernel(figures["cycles_per_us"]))
    print(table.rstrip())
    weft, theirs = median_of(our_rounds), median_of(kernel_rounds)
    print(f"\n{f'both ends, cycles, medians of {ROUNDS} alternating runs':<56} {'ours':>8} {'kernel':>8} {'ratio':>6}")
    ratios = {}
    for name, our_key, kernel_key, text in COMPARED:
        ratios[name] = round(weft[our_key] / theirs[kernel_key], 3)
        print(f"{text:<56} {weft[our_key]:>8.0f} {theirs[kernel_key]:>8.0f} {ratios[name]:>6.2f}")
    rounded = [{name: round(value, 1) for name, value in of.items()} for of in (weft, theirs)]
    print(json.dumps({"ours": rounded[0], "kernel": rounded[1], "ratio": ratios}))
    return 0
