"""`perf/run flow`: the kernel's path and Weft's, alternating, in one run."""
import json
import re
import statistics

from mesh import BUILD
from rig import ECHO, IPERF, WEB, Rig, awake

ROUNDS = 3


def iperf(rig, path, address, seconds):
    done = json.loads(rig.load(path, "iperf3", "-J", "-t", str(seconds), "-p", str(IPERF), "-c", address))
    return {"gbit": done["end"]["sum_received"]["bits_per_second"] / 1e9}


def rtt(rig, path, address, seconds):
    figures = rig.json_of(path, BUILD / "perf/perf_load", "rtt", address, ECHO, seconds)
    return {"rtt_p50_us": figures["p50_us"], "rtt_p99_us": figures["p99_us"]}


def connects(rig, path, address, seconds):
    figures = rig.json_of(path, BUILD / "perf/perf_load", "connects", address, ECHO, seconds, 16)
    return {"connections_per_s": figures["per_second"], "connections_failed": figures["failed"]}


def requests(rig, path, address, seconds):
    text = rig.load(path, "wrk", "-t", "1", "-c", "32", "-d", f"{seconds}s", f"http://{address}:{WEB}/")
    return {"requests_per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))}


def measure(seconds):
    samples = {"kernel": {}, "weft": {}}
    with awake() as held, Rig() as rig:
        rig.build()
        for _ in range(ROUNDS):
            for figure in (iperf, rtt, connects, requests):
                for path, (_, address) in rig.paths.items():
                    for name, value in figure(rig, path, address, seconds).items():
                        samples[path].setdefault(name, []).append(value)
    median = {path: {name: statistics.median(values) for name, values in of.items()} for path, of in samples.items()}
    print(f"{'figure':<22} {'kernel':>12} {'weft':>12} {'ratio':>8}")
    ratios = {}
    for name, kernel in median["kernel"].items():
        weft = median["weft"][name]
        ratios[name] = round(weft / kernel, 3) if kernel else None
        print(f"{name:<22} {kernel:>12.1f} {weft:>12.1f} {'' if ratios[name] is None else ratios[name]:>8}")
    if not held:
        print("cores may halt while they wait: /dev/cpu_dma_latency cannot be written")
    print(json.dumps({"wire": "virtio-user/vhost", "cores_awake": held, "rounds": ROUNDS, "seconds": seconds, "median": median, "ratio": ratios}))
    return 0
