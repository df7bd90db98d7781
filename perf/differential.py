"""Our TCP beside the kernel's: the same wires, seeds and bytes; then both at once through one bottleneck."""
import json
import statistics
import subprocess
import tempfile
from collections import defaultdict

from mesh import sweep
from rig import awake
from wire import Condition, Wire, other

PREFIX = "weft-diff"
GOAL = 0.8          # of the kernel's throughput
FAIR = 2            # one flow's goodput over the other's
FAIR_SECONDS, LEAD_SECONDS, FAIR_RUNS = 20, 3, 5
PROBES = 4000
MB = 1_000_000
# name: (what the wire does each way, bytes of a transfer: three to six seconds of the kernel's)
CONDITIONS = {
    "loss 0.1 %": (Condition(loss=0.1, delay=5), 20 * MB),
    "loss 1 %": (Condition(loss=1, delay=5), 6 * MB),
    "loss 1 %, 20 ms": (Condition(loss=1, delay=20), 2 * MB),
    "loss 5 %": (Condition(loss=5, delay=5), 2 * MB),
    "reordering 2 %": (Condition(reorder=2, reorder_delay=4, delay=5, rate=100, queue=250_000), 25 * MB),
    "delay 50 ms": (Condition(delay=50, rate=50, queue=625_000), 25 * MB),
    "bursts 9 %": (Condition(burst_loss=2.47, burst_length=4, burst_silence=100, delay=5), MB),
    "duplication 2 %": (Condition(duplicate=2, delay=5, rate=100, queue=250_000), 25 * MB),
    "short, loss 1 %": (Condition(loss=1, delay=20), 100_000),
    "all together": (Condition(loss=0.5, reorder=1, duplicate=1, jitter=2, delay=10, rate=50, queue=250_000), 4 * MB),
}
# Where chance is most of the time: when the first segment is lost, whether a timeout backs off once or three times,
# whether anything is lost at all.
MORE_SEEDS = {"loss 0.1 %": 6, "loss 1 %, 20 ms": 2, "bursts 9 %": 6, "short, loss 1 %": 12}
# (condition, kind) or ("fairness", pair): why it may miss its goal, as differential.md explains.
EXPLAINED = {}
# sender, receiver
KINDS = {"kernel-kernel": ("kernel", "kernel"), "ours-kernel": ("ours", "kernel"), "kernel-ours": ("kernel", "ours")}
# The queue is one bandwidth-delay product. The jitter is some two frames' time there: without it two flows of equal
# frames keep in step with the queue, and the one that comes a moment after each departure wins ("On Traffic Phase Effects
# in Packet-Switched Gateways", Floyd and Jacobson, 1992).
BOTTLENECK = Condition(delay=10, jitter=1, rate=30, queue=75_000)
# first, second: on the wire three seconds later
PAIRS = {"kernel, kernel": ("kernel", "kernel"), "ours, kernel": ("ours", "kernel"), "kernel, ours": ("kernel", "ours")}


def say(text):
    print(text, flush=True)


def verdict(good, text, *point):
    return "" if good else f"  {text}" + (f" ({EXPLAINED[point]})" if point in EXPLAINED else "")


def prove(wire, name, condition):
    """What numbered datagrams meet, beside what was asked."""
    wire.lay(condition, seed=1)
    seen = wire.probe(PROBES)
    wire.take_up()
    bursts = f", runs of {condition.burst_length} / {seen.burst_length:.2f}" if condition.burst_loss else ""
    say(f"wire  {name}: asked / measured over {PROBES} datagrams: loss {condition.loss_share:.2f} / {seen.loss:.2f} %"
        f"{bursts}, median delay {condition.delay + condition.jitter / 2:g} / {seen.delay_median:.2f} ms (least "
        f"{seen.delay_min:.2f}), late {condition.reorder:g} / {seen.reorder:.2f} %, twice {condition.duplicate:g} / "
        f"{seen.duplicate:.2f} %")
    return {"asked_loss": round(condition.loss_share, 3), "measured_loss": round(seen.loss, 3),
            "asked_delay_ms": condition.delay + condition.jitter / 2, "measured_delay_ms": round(seen.delay_median, 3)}


def one_transfer(wire, condition, seed, kind, size):
    """(seconds from connect() until everything was read, segments sent again)"""
    wire.lay(condition, seed)
    sent, received = wire.transfer(*KINDS[kind], size, seed=seed, seconds=180)
    account = wire.take_up()[0]
    if sent["error"] or received["error"] or received["bytes"] != size:
        raise OSError(f"{kind}, seed {seed}: {sent['error'] or received['error'] or 'bytes are missing'}; {account}")
    return received["ended"] - sent["began"], sent["retransmits"]


def compare(wire, name, seeds):
    """The three kinds alternate, each seed of the wire for all of them."""
    condition, size = CONDITIONS[name]
    figures = prove(wire, name, condition)
    seconds, again = defaultdict(list), defaultdict(int)
    seeds *= MORE_SEEDS.get(name, 1)
    for seed in range(1, seeds + 1):
        for kind in KINDS:
            took, retransmits = one_transfer(wire, condition, seed, kind, size)
            seconds[kind].append(took)
            again[kind] += retransmits
    medians = {kind: statistics.median(each) for kind, each in seconds.items()}
    for kind in KINDS:
        ratio = medians["kernel-kernel"] / medians[kind]
        means = statistics.mean(seconds["kernel-kernel"]) / statistics.mean(seconds[kind])
        say(f"{name:16} {kind:14} {8 * size / medians[kind] / MB:8.2f} Mbit/s  {medians[kind]:7.3f} s "
            f"({min(seconds[kind]):.3f} .. {max(seconds[kind]):.3f})  again {again[kind] / seeds:6.1f}  "
            f"ratio {ratio:.2f} (of means {means:.2f}){verdict(ratio >= GOAL, f'BELOW {GOAL}', name, kind)}")
        figures[kind] = {"missed": ratio < GOAL and (name, kind) not in EXPLAINED,
                         "mbit_s": round(8 * size / medians[kind] / MB, 3), "seconds": round(medians[kind], 4),
                         "ratio": round(ratio, 3), "ratio_of_means": round(means, 3)}
    return figures


def bytes_at(samples, at):
    """Bytes received until then, between the samples."""
    before = [(t, n) for t, n in samples if t <= at] or [samples[0]]
    after = [(t, n) for t, n in samples if t > at] or [samples[-1]]
    (t0, n0), (t1, n1) = before[-1], after[0]
    return n0 if t1 <= t0 else n0 + (n1 - n0) * (at - t0) / (t1 - t0)


def share(wire, first, second, seed):
    """Mbit/s of two flows while both are there; both go from left to right, the first has a lead."""
    wire.lay(BOTTLENECK, seed)
    receivers, senders = [], []
    for number, stack in enumerate((first, second)):
        port, lead = 5001 + number, LEAD_SECONDS if number == 0 else 0
        receivers.append(wire.listen("kernel", other("left"), "--samples", port=port))
        senders.append(wire.send(stack, "left", "kernel", "--seconds", FAIR_SECONDS + lead, port=port))
        if lead:
            hold_for(senders[0], lead)
    sent = [wire.result(each, 120) for each in senders]
    received = [wire.result(each, 120) for each in receivers]
    wire.take_up()
    if any(each["error"] for each in sent + received):
        raise OSError(f"a flow of {first} and {second} failed: {[each['error'] for each in sent + received]}")
    begin = received[1]["samples"][0][0]
    end = min(begin + FAIR_SECONDS, *(each["samples"][-1][0] for each in received))
    return [8 * (bytes_at(each["samples"], end) - bytes_at(each["samples"], begin)) / (end - begin) / MB
            for each in received]


def hold_for(process, seconds):
    """The process runs on for so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise OSError(f"{process.name} ended: {process.text()}")


def fairness(wire):
    """The pairs alternate; the median of the runs decides."""
    say(f"fairness: {BOTTLENECK.rate} Mbit/s, {2 * BOTTLENECK.delay} ms, jitter {BOTTLENECK.jitter} ms, a queue of "
        f"{BOTTLENECK.queue} bytes; both flows for {FAIR_SECONDS} s, the first {LEAD_SECONDS} s longer; {FAIR_RUNS} runs")
    rates = defaultdict(list)
    for run in range(1, FAIR_RUNS + 1):
        for name, pair in PAIRS.items():
            rates[name].append(share(wire, *pair, seed=run))
    figures = {}
    for name, runs in rates.items():
        ratios = [max(run) / min(run) for run in runs]
        ratio = statistics.median(ratios)
        first, second = (statistics.median(column) for column in zip(*runs))
        say(f"{name:16} {first:6.2f} {second:6.2f} Mbit/s  ratio {ratio:.2f} ({min(ratios):.2f} .. {max(ratios):.2f})"
            f"{verdict(ratio <= FAIR, 'UNFAIR', 'fairness', name)}")
        figures[name] = {"missed": ratio > FAIR and ("fairness", name) not in EXPLAINED,
                         "mbit_s": [[round(rate, 2) for rate in run] for run in runs], "ratio": round(ratio, 3)}
    return figures


def measure(seeds, only):
    sweep(PREFIX)
    result = {"seeds": seeds, "conditions": {}}
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as directory, awake():
        wire = Wire(PREFIX, directory)
        try:
            for name in CONDITIONS:
                if only in name:
                    result["conditions"][name] = compare(wire, name, seeds)
            if only in "fairness":
                result["fairness"] = fairness(wire)
        finally:
            wire.close()
    points = [figures[kind] for figures in result["conditions"].values() for kind in KINDS]
    result["least_ratio"] = min((point["ratio"] for point in points), default=None)
    print(json.dumps(result))
    return int(any(point["missed"] for point in points + list(result.get("fairness", {}).values())))
