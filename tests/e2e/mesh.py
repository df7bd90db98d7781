"""One mesh on one machine: a wire, a control plane, nodes with their appliances, pods attached as a kubelet would.

      weft-controlplane (ns cp)         plain host (ns host)
             | management network              |
   +---------+----------+                      |
   | mgmt0              | mgmt0                |
 node-a (ns a)        node-b (ns b)            |
   | up0 (PMD, kernel silent)  | up0           |
   +=================== the wire (ns wire, br0) ==
   pods: one namespace each, eth0 is the appliance's TAP
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from cluster import Cluster
from netns import CommandError, Namespaces, Process, run, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("WEFT_BUILD", ROOT / "build"))
CNI_PATH = "/usr/lib/cni"
SERVICES = [("web", "web", [("tcp-web", 8080, "TCP")]), ("greeter", "greeter", [("tcp-greeter", 7000, "TCP")]),
            ("steady", "steady", [("tcp-steady", 7001, "TCP")]), ("perf", "perf", [("tcp-iperf", 5201, "TCP")]), ("dns", "dns", [("dns", 53, "UDP")])]


def sweep(prefix, directory=None):
    """Removes what a run that could not clean up left: processes of its namespaces, the namespaces, its directory."""
    for line in run("ip", "netns", "list", check=False).stdout.split("\n"):
        name = line.split(" ")[0]
        if not name.startswith(prefix + "-"):
            continue
        for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    Namespaces(prefix).close()
    if directory:
        shutil.rmtree(directory, ignore_errors=True)


class Node:
    def __init__(self, mesh, name, number):
        self.mesh, self.name, self.number = mesh, name, number
        self.short = name.split("-")[-1]
        self.directory = mesh.directory / name
        self.directory.mkdir(parents=True)
        self.socket = self.directory / "node.sock"
        self.admin = "127.0.0.1:15020"
        self.process = None

    @property
    def namespace(self):
        return self.mesh.namespaces.name(self.short)

    def lay(self):
        """The node's namespace, its silent uplink and its kernel's management address."""
        self.mesh.namespaces.add(self.short)
        self.mesh.namespaces.plug(self.short, "up0", "wire", "br0", silent=True)
        self.mesh.namespaces.plug(self.short, "mgmt0", "cp", "mgmt", addresses=[f"192.168.77.{self.number}/24"])
        (self.directory / "dataplane.yaml").write_text(self.config())

    def config(self):
        return f"""\
node:
  name: {self.name}
workers:
  count: {self.mesh.workers}
uplink:
  device: "net_af_packet0,iface=up0"
  addresses: ["10.99.0.{self.number}/24", "fd99::{self.number}/64"]
pods:
  ready_timeout: 3s
host:
  interface: weft0
  addresses: ["192.168.77.{self.number}"]
xds:
  address: "192.168.77.100:15012"
  root_ca: "{self.mesh.directory}/ca/root-cert.pem"
  server_name: "istiod.istio-system.svc"
ca:
  token_file: "{self.directory}/token"
cluster_source:
  directory: "{self.mesh.cluster.directory}"
socket: "{self.socket}"
state_file: "{self.directory}/pods.json"
admin:
  address: "{self.admin}"
"""

    def start(self, wrapper=()):
        command = [*wrapper, BUILD / "dataplane/weft-dataplane", "--config", self.directory / "dataplane.yaml"]
        self.process = Process(f"dataplane-{self.short}", command, self.mesh.directory, namespace=self.namespace)
        wait_until(lambda: self.answers() or not self.process.alive(), 30, f"{self.name} answers")
        if not self.process.alive():
            raise CommandError(f"{self.name} ended:\n{self.process.text()[-2000:]}")

    def answers(self):
        return run(BUILD / "cli/weftctl", "--socket", self.socket, "status", check=False).returncode == 0

    def ctl(self, *arguments):
        """weftctl's answer as a document."""
        return json.loads(run(BUILD / "cli/weftctl", "--socket", self.socket, "-o", "json", *arguments).stdout)

    def metrics(self):
        """{name: value} of the metrics without labels."""
        text = run("curl", "-fsS", "--max-time", 5, f"http://{self.admin}/metrics", namespace=self.namespace).stdout
        pairs = (line.split(" ") for line in text.split("\n") if line and line[0] != "#" and "{" not in line)
        return {name: float(value) for name, value, *_ in pairs}

    def cni_config(self):
        return {"cniVersion": "1.1.0", "name": "weft", "type": "weft-cni", "socket": str(self.socket),
                "ipam": {"type": "host-local", "dataDir": str(self.directory / "ipam"),
                         "ranges": [[{"subnet": f"10.244.{self.number}.0/24"}],
                                    [{"subnet": f"fd00:244:{self.number}::/64"}]]}}

    def cni(self, command, container="", netns="", pod="", pod_namespace="", config=None, uid="", check=True):
        """Exec the plugin as a container runtime does: environment, stdin, and JSON on stdout."""
        environment = {"PATH": os.environ["PATH"], "CNI_COMMAND": command, "CNI_CONTAINERID": container,
                       "CNI_NETNS": netns, "CNI_IFNAME": "eth0", "CNI_PATH": f"{BUILD}/cni:{CNI_PATH}",
                       "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE={pod_namespace};K8S_POD_NAME={pod};"
                                   f"K8S_POD_INFRA_CONTAINER_ID={container};K8S_POD_UID={uid}"}
        stdin = config if isinstance(config, str) else json.dumps(config or self.cni_config())
        done = run(BUILD / "cni/weft-cni", namespace=self.namespace, stdin=stdin, env=environment, check=False)
        if check and done.returncode != 0:
            raise CommandError(f"weft-cni {command} {pod}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else {}


class Pod:
    def __init__(self, mesh, name, namespace, account, node, app, in_mesh=True):
        self.mesh, self.name, self.kubernetes_namespace, self.account = mesh, name, namespace, account
        self.node, self.app, self.in_mesh = node, app, in_mesh
        self.short = f"pod-{name}"
        self.container = f"{name}-{os.urandom(4).hex()}"
        self.addresses, self.result = [], None
        self.config = None  # of the CNI network, where it is not the node's usual one

    @property
    def namespace(self):
        return self.mesh.namespaces.name(self.short)

    @property
    def ipv4(self):
        return next(a for a in self.addresses if "." in a)

    @property
    def ipv6(self):
        return next(a for a in self.addresses if ":" in a)

    def attach(self):
        """What a kubelet and a container runtime do: the pod's object, a namespace, CNI ADD, then its addresses."""
        self.report()
        self.mesh.namespaces.add(self.short)
        self.result = self.cni("ADD")
        self.addresses = [ip["address"].split("/")[0] for ip in self.result["ips"]]
        self.report()
        return self

    def cni(self, command, **options):
        return self.node.cni(command, self.container, f"/run/netns/{self.namespace}", self.name,
                             self.kubernetes_namespace, **{"config": self.config, **options})

    def report(self):
        self.mesh.cluster.set_pod(self.name, self.kubernetes_namespace, self.account, self.node.name,
                                  f"10.99.0.{self.node.number}", self.app, self.addresses, mesh=self.in_mesh)

    def detach(self):
        self.cni("DEL")
        self.mesh.namespaces.delete(self.short)
        self.mesh.cluster.delete_pod(self.kubernetes_namespace, self.name)

    def run(self, *command, **options):
        return run(*command, namespace=self.namespace, **options)

    def start(self, name, *command, **options):
        return self.mesh.start(name, command, namespace=self.namespace, **options)

    def curl(self, url, *flags, seconds=5):
        """(HTTP status or 0, body, curl's exit code)."""
        done = self.run("curl", "-sS", "-g", "--max-time", seconds, "-w", "\n%{http_code}", *flags, url, check=False,
                        timeout=seconds + 10)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body, done.returncode


class Mesh:
    def __init__(self, prefix="weft", workers=2, keep_directory=None):
        self.workers = workers
        self.namespaces = Namespaces(prefix)
        self.directory = pathlib.Path(keep_directory or tempfile.mkdtemp(prefix=f"{prefix}-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.cluster = Cluster(self.directory / "cluster")
        self.nodes, self.pods, self.processes = {}, {}, []
        self.controlplane = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- processes

    def start(self, name, command, namespace=None, **options):
        log = f"{name}-{len(self.processes)}"  # one log a process: a name may be used again
        process = Process(log, command, self.directory, namespace=namespace, **options)
        self.processes.append(process)
        return process

    def processes_in(self, namespace):
        return [p for p in self.processes if p.namespace == namespace]

    # -- building

    def lay_wire(self):
        self.namespaces.close()
        self.namespaces.add("wire")
        self.namespaces.bridge("wire", "br0")
        self.namespaces.add("cp")
        self.namespaces.bridge("cp", "mgmt")
        run("ip", "address", "add", "192.168.77.100/24", "dev", "mgmt", namespace=self.namespaces.name("cp"))

    def add_nodes(self):
        for number, name in enumerate(("node-a", "node-b"), 1):
            node = Node(self, name, number)
            node.lay()
            self.nodes[name] = node

    def add_host(self):
        """A plain machine on the wire: no mesh, a route to each node's pods."""
        self.namespaces.add("host")
        self.namespaces.plug("host", "eth0", "wire", "br0", addresses=["10.99.0.100/24", "fd99::100/64"])
        host = self.namespaces.name("host")
        for feature in ("tx", "tso", "gso", "gro"):  # its frames reach a PMD on AF_PACKET as they are
            run("ethtool", "-K", "eth0", feature, "off", namespace=host, check=False)
        for node in self.nodes.values():
            run("ip", "route", "add", f"10.244.{node.number}.0/24", "via", f"10.99.0.{node.number}", namespace=host)
            run("ip", "route", "add", f"fd00:244:{node.number}::/64", "via", f"fd99::{node.number}", namespace=host)
        return host

    def controlplane_config(self, certificate_seconds):
        return f"""\
config:
  directory: "{self.cluster.directory}"
ca:
  directory: "{self.directory}/ca"
  workload_ttl: {certificate_seconds}s
  trusted_node_accounts: ["weft-system/weft-dataplane"]
"""

    def start_controlplane(self, certificate_seconds=86400):
        (self.directory / "controlplane.yaml").write_text(self.controlplane_config(certificate_seconds))
        self.controlplane = Process("controlplane", [BUILD / "controlplane/weft-controlplane", "--config",
                                                     self.directory / "controlplane.yaml"],
                                    self.directory, namespace=self.namespaces.name("cp"))
        wait_until(lambda: self.controlplane_ready() or not self.controlplane.alive(), 15, "the control plane is ready")
        if not self.controlplane.alive():
            raise CommandError(f"the control plane ended:\n{self.controlplane.text()[-2000:]}")

    def controlplane_ready(self):
        return run("curl", "-fsS", "--max-time", 1, "http://127.0.0.1:8080/ready",
                   namespace=self.namespaces.name("cp"), check=False).returncode == 0

    def set_certificate_lifetime(self, seconds):
        (self.directory / "controlplane.yaml").write_text(self.controlplane_config(seconds))
        self.controlplane.signal(signal.SIGHUP)

    def give_tokens(self):
        for node in self.nodes.values():
            done = run(BUILD / "cli/weftctl", "token", "--ca-directory", self.directory / "ca", "--namespace",
                       "weft-system", "--service-account", "weft-dataplane", "--node", node.name,
                       "--pod", f"weft-dataplane-{node.short}", "--lifetime", "24h")
            (node.directory / "token").write_text(done.stdout.strip())

    def add_pod(self, name, namespace, account, node, app=None, in_mesh=True):
        pod = Pod(self, name, namespace, account, self.nodes[node], app or name, in_mesh)
        self.pods[name] = pod
        return pod.attach()

    def report_endpoints(self):
        for service, app, ports in SERVICES:
            self.cluster.set_endpoints(service, "shop", app, ports)

    def wait_ready(self, seconds=20):
        """Every mesh pod has its certificate and its configuration."""
        def lacking():
            return [(pod["name"], pod.get("lacks")) for node in self.nodes.values() for pod in node.ctl("pods")["pods"]
                    if not pod["ready"]]
        try:
            wait_until(lambda: not lacking(), seconds, "every pod is ready")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {lacking()}") from None

    # -- tearing down

    def close(self):
        for process in reversed(self.processes):
            process.kill()
        for pod in self.pods.values():
            try:
                pod.detach()
            except (CommandError, OSError, subprocess.TimeoutExpired, ValueError):
                pass  # the appliance may be dead already: the namespace's end removes the device
        for node in self.nodes.values():
            if node.process:
                node.process.stop()
        if self.controlplane:
            self.controlplane.stop()
        self.namespaces.close()
        if not os.environ.get("WEFT_KEEP_LOGS"):
            shutil.rmtree(self.directory, ignore_errors=True)
