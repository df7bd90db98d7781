"""`perf/run idle`: what 10 000 idle mTLS connections cost each node, with them minus without them."""
import json
import signal

from mesh import BUILD
from netns import wait_until
from rig import ECHO, Rig, resident_kib


def memory(node):
    """Bytes the process holds: what is resident, which holds DPDK's pools too; and what is in use of those pools."""
    metrics = node.metrics()
    return {"rss": resident_kib(node.process.pid) * 1024,
            "buffers_in_use": metrics["weft_buffers_in_use"], "large_in_use": metrics["weft_large_buffers_in_use"],
            "stated": metrics["weft_tcp_memory_bytes"] + metrics["weft_proxy_memory_bytes"]}


def measure(connections):
    with Rig() as rig:
        rig.build()
        namespace, address = rig.paths["weft"]
        before = {name: memory(node) for name, node in rig.nodes.items()}
        holder = rig.pinned("holder", namespace, BUILD / "perf/perf_load", "hold", address, ECHO, connections)
        wait_until(lambda: f"held {connections}" in holder.text() or not holder.alive(), 300, f"{connections} are held")
        if not holder.alive():
            raise RuntimeError(holder.text())
        wait_until(lambda: all(n.metrics()["weft_buffers_in_use"] < 6000 for n in rig.nodes.values()), 30, "nothing is in flight")
        after = {name: memory(node) for name, node in rig.nodes.items()}
        holder.signal(signal.SIGTERM)
    print(f"{connections} idle mTLS connections, both legs, bytes per connection")
    print(f"{'node':<8} {'resident':>10} {'buffers':>10} {'stated by weftctl':>18}")
    figures = {}
    for name in before:
        grown = {key: after[name][key] - before[name][key] for key in before[name]}
        buffers = grown["buffers_in_use"] * 2304 + grown["large_in_use"] * 16896
        figures[name] = {"resident": round(grown["rss"] / connections), "buffers": round(buffers / connections),
                         "stated": round(grown["stated"] / connections)}
        print(f"{name:<8} {figures[name]['resident']:>10} {figures[name]['buffers']:>10} {figures[name]['stated']:>18}")
    print(json.dumps({"connections": connections, "bytes_per_connection": figures}))
    return 0
