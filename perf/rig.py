"""The mesh of the comparisons: one client pod, one server pod, two nodes joined by shared memory (vhost and
virtio-user), and two namespaces joined by the kernel alone. Both data planes run on core 0, load and server on core 1,
and neither core halts meanwhile."""
import contextlib
import json
import os
import pathlib

from mesh import BUILD, Mesh
from netns import run, wait_until
from programs import listening, start_nginx

DATAPLANE_CORE, LOAD_CORE = "0", "1"
ECHO, WEB, IPERF = 7100, 8080, 5201


@contextlib.contextmanager
def awake():
    """No core halts for the length of the block; yields whether this kernel can be asked.

    On a virtual machine an idle core halts into the hypervisor, and to wake it costs 5 to 50 us, which differ from host
    to host: more than what is compared. The request is what latency measurements make (pm_qos_interface, cyclictest)."""
    try:
        request = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
    except OSError:
        yield False
        return
    try:
        os.write(request, (0).to_bytes(4, "little"))
        yield True
    finally:
        os.close(request)


class Rig(Mesh):
    """`wire`: "vhost" or "veth"."""

    def __init__(self, wire="vhost"):
        super().__init__(prefix="weft-perf", workers=1)
        self.wire = wire

    def build(self):
        self.lay_wire()
        self.add_nodes()
        self.cluster.copy(pathlib.Path(__file__).resolve().parent.parent / "configs/demo")
        self.start_controlplane()
        self.give_tokens()
        if self.wire == "vhost":
            socket = self.directory / "wire.sock"
            devices = {"node-a": f"net_vhost0,iface={socket},tso=1",
                       "node-b": f"net_virtio_user0,path={socket},mac=02:00:00:00:00:b2"}
            for name, node in self.nodes.items():
                file = node.directory / "dataplane.yaml"
                file.write_text(file.read_text().replace("net_af_packet0,iface=up0", devices[name]))
        for node in self.nodes.values():
            node.start(["taskset", "-c", DATAPLANE_CORE])
        client, server = self.add_pod("client", "shop", "client", "node-a"), self.add_pod("perf", "shop", "perf", "node-b")
        reuse_ports(client.namespace)
        self.kernel_pair()
        for name, namespace in (("weft", server.namespace), ("kernel", self.namespaces.name("kern-b"))):
            self.pinned(f"echo-{name}", namespace, BUILD / "perf/perf_load", "echo", ECHO)
            self.pinned(f"iperf3-{name}", namespace, "iperf3", "-s")
            start_nginx(self, f"perf-{name}", namespace, WEB, "x" * 1024, ["taskset", "-c", LOAD_CORE])
            wait_until(lambda space=namespace: listening(space, ECHO) and listening(space, IPERF), 5, "servers listen")
        self.cluster.set_endpoints("perf", "shop", "perf", [("tcp-iperf", IPERF, "TCP"), ("tcp-echo", ECHO, "TCP"),
                                                            ("tcp-web", WEB, "TCP")])
        services = (self.cluster.directory / "services.yaml").read_text()
        self.cluster.write_text("services.yaml", services.replace(
            "    - {name: tcp-iperf, port: 5201, protocol: TCP, targetPort: 5201}\n",
            "    - {name: tcp-iperf, port: 5201, protocol: TCP, targetPort: 5201}\n"
            f"    - {{name: tcp-echo, port: {ECHO}, protocol: TCP, targetPort: {ECHO}}}\n"
            f"    - {{name: tcp-web, port: {WEB}, protocol: TCP, targetPort: {WEB}}}\n"))
        self.wait_ready()
        wait_until(lambda: client.curl(f"http://10.96.0.12:{WEB}/", seconds=2)[0] == 200, 15, "the Service answers")
        # (namespace of the client, address of the server) of each path
        self.paths = {"kernel": (self.namespaces.name("kern-a"), "10.98.0.2"), "weft": (client.namespace, "10.96.0.12")}
        return self

    def kernel_pair(self):
        for short in ("kern-a", "kern-b", "kern-br"):
            self.namespaces.add(short)
            reuse_ports(self.namespaces.name(short))
        self.namespaces.bridge("kern-br", "br0")
        for number, short in enumerate(("kern-a", "kern-b"), 1):
            self.namespaces.plug(short, "eth0", "kern-br", "br0", addresses=[f"10.98.0.{number}/24"])

    def pinned(self, name, namespace, *command):
        return self.start(name, ["taskset", "-c", LOAD_CORE, *command], namespace=namespace)

    def load(self, path, *command, timeout=60):
        namespace, _ = self.paths[path]
        return run("taskset", "-c", LOAD_CORE, *command, namespace=namespace, timeout=timeout).stdout

    def json_of(self, path, *command, timeout=60):
        return json.loads(self.load(path, *command, timeout=timeout).strip().split("\n")[-1])


def reuse_ports(namespace):
    """A client that opens thousands of connections a second must not run out of ports, on either path."""
    run("sysctl", "-qw", "net.ipv4.tcp_tw_reuse=1", "net.ipv4.ip_local_port_range=1024 65535", namespace=namespace)


def resident_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
