"""The eleven things that the mesh does, each done and seen. A row returns what it saw, or raises.

A row's check is a function of its own, so that tests/e2e/run.py can show it failing where what it claims is taken away.
"""
import json
import signal
import time

from capture import Capture
from netns import run, wait_until
from programs import (MARKER, accepted, authorization_policy, peer_authentication, start_nginx,
                      start_programs)

WEB, WEB6 = "http://10.96.0.10/", "http://[fd00:96::10]/"
SPIFFE = "spiffe://cluster.local/ns/shop/sa/"


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def get(pod, url, status=200, seconds=5):
    got, body, code = pod.curl(url, seconds=seconds)
    expect(got == status, f"{pod.name} -> {url}: HTTP {got} (curl {code}), not {status}")
    return body


def refused(pod, url, seconds=5):
    got, _, code = pod.curl(url, seconds=seconds)
    expect(got == 0 and code != 0, f"{pod.name} -> {url}: HTTP {got}, though it must be refused")
    return code


def served(pod, url):
    return pod.curl(url, seconds=3)[0] == 200


# -- building

def build(mesh, progress=lambda text: None, certificate_seconds=86400):
    from mesh import ROOT
    progress("wire, nodes and the plain host")
    mesh.lay_wire()
    mesh.add_nodes()
    mesh.cluster.copy(ROOT / "configs/demo")
    host = mesh.add_host()
    progress("control plane")
    mesh.start_controlplane(certificate_seconds)
    mesh.give_tokens()
    progress("node appliances")
    for node in mesh.nodes.values():
        node.start()
    progress("pods, attached by weft-cni")
    for name, node in (("client", "node-a"), ("intruder", "node-a"), ("web", "node-b"), ("greeter", "node-b"),
                       ("steady", "node-b"), ("perf", "node-b"), ("dns", "node-b"), ("neighbor", "node-b")):
        mesh.add_pod(name, "shop", name, node)
    mesh.add_pod("outsider", "legacy", "default", "node-a", in_mesh=False)
    mesh.report_endpoints()
    start_programs(mesh)
    start_nginx(mesh, "host", host, 8000)
    progress("certificates and configuration")
    mesh.wait_ready()


# -- 1

def service_calls(mesh):
    client, web = mesh.pods["client"], mesh.pods["web"]
    for url in (WEB, WEB6, f"http://{web.ipv4}:8080/", f"http://[{web.ipv6}]:8080/"):
        expect(MARKER in get(client, url), f"{url}: another page")
    answers = client.run("dig", "+short", "+time=2", "+tries=2", "@10.96.0.53", "answer.shop").stdout.strip()
    expect(answers == "192.0.2.53", f"dig through the DNS Service: {answers!r}")
    return "Service IPv4 200, IPv6 200; pod address IPv4 200, IPv6 200; dig through its Service answers"


# -- 2

def wire_is_encrypted(capture):
    records = capture.fields("tls", "tls.handshake.type", "tls.handshake.extensions.supported_version",
                             "tls.record.opaque_type")
    expect(any("2" in types.split(",") and "0x0304" in versions for types, versions, _ in records),
           "no TLS 1.3 ServerHello on the wire")
    expect(any("23" in kinds.split(",") for *_, kinds in records), "no TLS records on the wire")
    expect(not capture.contains(MARKER), "the page is on the wire in plaintext")
    expect(not capture.contains("220 greeter ready"), "the greeting is on the wire in plaintext")


def hold(pod, name, address, port):
    """An unmodified program that holds a connection open: netcat, reading."""
    return pod.start(name, "nc", "-d", address, str(port))


def both_identities(mesh, seconds=5):
    """While a connection to the greeter is open, both ends' identities are known."""
    held = hold(mesh.pods["client"], "held", "10.96.0.11", 7000)
    try:
        wait_until(lambda: held.text().startswith("220"), 5, "the greeting came")
        peers = wait_until(lambda: identities(mesh, "10.96.0.11:7000"), seconds, "the connection shows both identities")
    finally:
        held.kill()
    expect(peers == (SPIFFE + "client", SPIFFE + "greeter"), f"identities: {peers}")
    return peers


def capture_of_service_calls(mesh):
    client = mesh.pods["client"]
    with Capture(mesh, "wire") as capture:
        get(client, WEB)
        get(client, WEB6)
        greeting(client, "10.96.0.11")
    return capture


def wire_of_service_calls(mesh):
    wire_is_encrypted(capture_of_service_calls(mesh))
    peers = both_identities(mesh)
    return f"TLS 1.3, no plaintext; {peers[0]} and {peers[1]}"


def identities(mesh, destination):
    """Both peers' SPIFFE identities, as node-a's appliance knows them of a connection."""
    for connection in mesh.nodes["node-a"].ctl("connections")["connections"]:
        if connection["destination"] == destination and connection["destination_identity"]:
            return connection["source_identity"], connection["destination_identity"]
    return None


# -- 3

def decision(node, pod, **wanted):
    """The newest decision about a pod that has these fields."""
    for entry in node.ctl("explain", "--limit", "200", pod)["decisions"]:
        if all(entry[key] == value for key, value in wanted.items()):
            return entry
    return None


def intruder_is_refused_unseen(mesh):
    web, intruder = mesh.pods["web"], mesh.pods["intruder"]
    before = accepted(web)
    with Capture(mesh, "unseen", f"tcp and host {intruder.ipv4}", web.namespace, "eth0") as capture:
        refused(intruder, WEB)
    expect(accepted(web) == before + 1, "nginx accepted a connection of the refused caller")
    expect(capture.matching("tcp") == 0, "a segment of the refused caller reached the server's pod")


def explained_refusal(mesh, seconds=5, **wanted):
    """The intruder asks until its newest refusal is explained by these fields."""
    def found():
        refused(mesh.pods["intruder"], WEB)
        return decision(mesh.nodes["node-b"], "web", verdict="refused", **wanted)
    return wait_until(found, seconds, f"explain says {wanted}")


def policy_refuses(mesh):
    mesh.cluster.write("policy-web.yaml", authorization_policy("web-allow", "ALLOW", ["client", "neighbor"]))
    wait_until(lambda: not served(mesh.pods["intruder"], WEB), 5, "the ALLOW policy is in force")
    intruder_is_refused_unseen(mesh)
    allow = explained_refusal(mesh, peer_identity=SPIFFE + "intruder")
    expect(allow["considered"] == ["ns[shop]-policy[web-allow]-rule[0]"], f"explain: {allow}")
    mesh.cluster.write("policy-deny.yaml", authorization_policy("web-deny", "DENY", ["intruder"]))
    deny = explained_refusal(mesh, policy="ns[shop]-policy[web-deny]-rule[0]")
    expect(deny["peer_identity"] == SPIFFE + "intruder", f"explain: {deny}")
    get(mesh.pods["client"], WEB)
    mesh.cluster.remove("policy-deny.yaml")
    return f"{allow['peer_identity']} refused unseen; none of {allow['considered'][0]}; then DENY {deny['policy']}"


# -- 4

def becomes_served(pod, bound=1):
    """Seconds until the pod is served; raises where it takes longer than the bound."""
    started = time.monotonic()
    wait_until(lambda: served(pod, WEB), 5 * bound, f"{pod.name} is served")
    seconds = time.monotonic() - started
    expect(seconds < bound, f"from rename to first success: {seconds:.2f} s")
    return seconds


def open_connection(mesh, pod, name):
    """A connection of a pod of node-a to web's Service that stays open and silent."""
    held = hold(pod, name, "10.96.0.10", 80)
    wait_until(lambda: any(c["destination"] == "10.96.0.10:80"
                           for c in mesh.nodes["node-a"].ctl("connections", pod.name)["connections"]), 5,
               f"{pod.name}'s connection is open")
    return held


def becomes_closed(held, seconds=3):
    wait_until(lambda: not held.alive(), seconds, "the open connection is closed")


def policy_edit(mesh):
    intruder, client = mesh.pods["intruder"], mesh.pods["client"]
    wait_until(lambda: not served(intruder, WEB), 5, "the intruder is refused")
    steady = hold(client, "steady", "10.96.0.10", 80)
    wait_until(lambda: identities(mesh, "10.96.0.10:80"), 5, "the client's connection is open")
    mesh.cluster.write("policy-web.yaml", authorization_policy("web-allow", "ALLOW", ["client", "neighbor", "intruder"]))
    seconds = becomes_served(intruder)
    victim = open_connection(mesh, intruder, "victim")
    expect(victim.alive() and steady.alive(), "a connection did not stay open")
    mesh.cluster.write("policy-web.yaml", authorization_policy("web-allow", "ALLOW", ["client", "neighbor"]))
    becomes_closed(victim)
    expect(steady.alive(), "the client's connection was disturbed")
    steady.kill()
    return f"{seconds * 1000:.0f} ms from rename to first success; back again closes the open connection, others stay"


# -- 5

def outsider_is_refused(mesh, seconds=5):
    """Plaintext from outside the mesh is refused, and `explain` says why."""
    outsider = mesh.pods["outsider"]
    wait_until(lambda: not served(outsider, WEB), seconds, "STRICT refuses the outsider")
    refused(outsider, WEB)
    why = next((d for d in mesh.nodes["node-b"].ctl("explain", "web")["decisions"]
                if d["verdict"] == "refused" and d["source"].startswith(outsider.ipv4 + ":")), None)
    expect(why and not why["peer_identity"] and "no filter chain matches" in why["detail"], f"explain: {why}")
    return why


def peer_modes(mesh):
    outsider, web, node = mesh.pods["outsider"], mesh.pods["web"], mesh.nodes["node-b"]
    mesh.cluster.remove("policy-web.yaml")
    wait_until(lambda: served(outsider, WEB), 5, "PERMISSIVE serves the outsider")
    mesh.cluster.write("peer.yaml", peer_authentication("STRICT"))
    why = outsider_is_refused(mesh)
    wait_until(lambda: "no filter chain matches" in node.process.text(), 3, "the reason is in the log")
    probes(node.namespace, web)
    hosts = [d for d in node.ctl("explain", "web")["decisions"] if d["verdict"] == "host"]
    expect(hosts and "outside mesh policy" in hosts[0]["detail"], f"explain does not name the probes: {hosts}")
    get(mesh.pods["client"], WEB)
    mesh.cluster.remove("peer.yaml")
    wait_until(lambda: served(outsider, WEB), 5, "PERMISSIVE again")
    return f"outsider served, then refused ({why['detail']}); the node's TCP and HTTP probes pass under STRICT"


def probes(namespace, web):
    """What a kubelet does, from the node's own network."""
    connected = run("nc", "-z", "-w", 3, web.ipv4, 8080, namespace=namespace, check=False)
    expect(connected.returncode == 0, f"TCP probe of {web.ipv4}: {connected.stderr}")
    for address in (web.ipv4, f"[{web.ipv6}]"):
        got = run("curl", "-sSg", "--max-time", 3, "-o", "/dev/null", "-w", "%{http_code}", f"http://{address}:8080/",
                  namespace=namespace, check=False).stdout
        expect(got == "200", f"HTTP probe of {address}: {got}")


# -- 6

OUTSIDE, OUTSIDE6 = "http://10.99.0.100:8000/", "http://[fd99::100]:8000/"


def served_in_plaintext(mesh, *urls):
    with Capture(mesh, "egress") as capture:
        for url in urls:
            get(mesh.pods["client"], url)
    expect(capture.contains(MARKER), "the page was not on the wire in plaintext")


def refused_outside(mesh, seconds=5):
    client = mesh.pods["client"]
    wait_until(lambda: not served(client, OUTSIDE), seconds, "what is in no registry is refused")
    refused(client, OUTSIDE)
    refused(client, OUTSIDE6)


def egress(mesh):
    client = mesh.pods["client"]
    served_in_plaintext(mesh, OUTSIDE)
    served_in_plaintext(mesh, OUTSIDE6)
    text = (mesh.cluster.directory / "mesh.yaml").read_text()
    mesh.cluster.write_text("mesh.yaml", text.replace("ALLOW_ANY", "REGISTRY_ONLY"))
    refused_outside(mesh)
    get(client, WEB)
    mesh.cluster.write_text("mesh.yaml", text)
    wait_until(lambda: served(client, OUTSIDE), 5, "ALLOW_ANY serves again")
    return "served in plaintext, IPv4 and IPv6; refused under REGISTRY_ONLY"


# -- 7

def nothing_on_the_wire(mesh, caller):
    with Capture(mesh, "local", "tcp") as capture:
        get(caller, WEB)
        allowed = wait_until(lambda: decision(mesh.nodes["node-b"], "web", verdict="allowed",
                                              peer_identity=SPIFFE + caller.name), 5, "the caller's identity is known")
    expect(capture.matching("tcp port 8080") == 0, "a connection between two pods of one node was on the wire")
    return allowed


def neighbor_is_refused(mesh, seconds=5):
    """One that was let in before the edit is closed by it, which is no refusal yet: ask until one is explained."""
    def found():
        if served(mesh.pods["neighbor"], WEB):
            return None
        return decision(mesh.nodes["node-b"], "web", verdict="refused", peer_identity=SPIFFE + "neighbor")
    denied = wait_until(found, seconds, "policy refuses the neighbor")
    expect(denied["direction"] == "local", f"explain: {denied}")


def one_node(mesh):
    neighbor, web = mesh.pods["neighbor"], mesh.pods["web"]
    allowed = nothing_on_the_wire(mesh, neighbor)
    mesh.cluster.write("policy-web.yaml", authorization_policy("web-allow", "ALLOW", ["client"]))
    neighbor_is_refused(mesh)
    mesh.cluster.remove("policy-web.yaml")
    wait_until(lambda: served(neighbor, WEB), 5, "the neighbor is served again")
    get(web, WEB)
    get(web, WEB6)
    return f"{allowed['peer_identity']} allowed, then refused by policy; nothing on the wire; web reaches itself"


# -- 8

def greeting(pod, address, seconds=3, port=7000):
    """Seconds until a server that speaks first has spoken, to a client that says nothing."""
    started = time.monotonic()
    held = pod.start(f"greeted-{pod.name}-{time.monotonic_ns()}", "nc", "-d", address, str(port))
    try:
        wait_until(lambda: "220 greeter ready" in held.text(), seconds, f"{pod.name} is greeted by {address}")
        return time.monotonic() - started
    finally:
        held.kill()


def server_first(mesh):
    meshed = greeting(mesh.pods["client"], "10.96.0.11")
    mesh.cluster.write("peer-greeter.yaml", peer_authentication("STRICT", "greeter", "shop", "greeter", {7000: "DISABLE"}))
    outsider = mesh.pods["outsider"]
    def greeted():
        try:
            return greeting(outsider, "10.96.0.11", 1)
        except TimeoutError:
            return None
    plain = wait_until(greeted, 6, "the plaintext client is greeted")
    mesh.cluster.remove("peer-greeter.yaml")
    return f"mesh client after {meshed * 1000:.0f} ms, plaintext client of a DISABLE port after {plain * 1000:.0f} ms"


# -- 9

def serials(mesh):
    return {(node.name, c["identity"]): c["serial"] for node in mesh.nodes.values()
            for c in node.ctl("certs")["certificates"]}


class Traffic:
    """What must not notice a rotation: one long connection that says something ten times a second and expects it
    back, and new connections one after the other. To a server that no other row touches."""

    SCRIPT = r"""
import json, signal, socket, time
echoed = opened = 0; errors = []; stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))

def greeted():
    connection = socket.create_connection(("10.96.0.13", 7001), 5)
    connection.settimeout(5)
    if not connection.recv(100).startswith(b"220"): raise OSError("no greeting")
    return connection

def echo(connection, word):
    connection.sendall(word); got = b""
    while len(got) < len(word):
        more = connection.recv(100)
        if not more: raise OSError("closed")
        got += more
    if got != word: raise OSError("other bytes")

long = greeted()
while not stop and len(errors) < 20:
    try:
        echo(long, b"%d\n" % echoed)
        echoed += 1
        with greeted() as short: echo(short, b"short\n")
        opened += 1
        if opened == 1: print("running", flush=True)
    except OSError as error:
        errors.append(f"after {echoed}: {error!r}")
    time.sleep(0.1)
try:
    echo(long, b"last\n")
except OSError as error:
    errors.append(f"at the end: {error!r}")
print(json.dumps({"echoed": echoed, "opened": opened, "errors": errors}))
"""

    def __init__(self, mesh):
        self.process = mesh.pods["client"].start(f"traffic-{time.monotonic_ns()}", "python3", "-c", self.SCRIPT)

    def finish(self):
        self.process.signal(signal.SIGTERM)
        self.process.wait(15)
        lines = self.process.text().strip().split("\n")
        try:
            return json.loads(lines[-1])
        except ValueError:
            raise AssertionError(f"the traffic program: {lines[-3:]}") from None


def undisturbed(traffic):
    result = traffic.finish()
    expect(not result["errors"], f"during rotation: {result['errors'][:3]}")
    return result


def rotation(mesh, traffic, before, seconds=60):
    """`traffic` has been running since `before` was read; certificates live a minute."""
    def all_new():
        now = serials(mesh)
        return all(now.get(key) not in (None, serial) for key, serial in before.items())
    wait_until(all_new, seconds, "every certificate was renewed")
    result = undisturbed(traffic)
    expect(result["opened"] > 20, f"only {result['opened']} connections were made")
    return (f"{len(before)} certificates renewed; one connection echoed {result['echoed']} times, "
            f"{result['opened']} new ones, none failed")


# -- 10

def no_plaintext_left(capture, addresses):
    """No TCP payload from these addresses that is not TLS."""
    sources = " or ".join(f"ip.src == {a}" if "." in a else f"ipv6.src == {a}" for a in addresses)
    naked = capture.count(f"({sources}) and tcp.len > 0 and not tls")
    expect(naked == 0, f"{naked} segments of mesh pods left in plaintext")
    expect(not capture.contains("GET / HTTP"), "a request left in plaintext")


def failures(mesh):
    client, node = mesh.pods["client"], mesh.nodes["node-a"]
    held = hold(client, "survivor", "10.96.0.11", 7000)
    wait_until(lambda: "220" in held.text(), 5, "greeted")
    mesh.controlplane.kill()
    get(client, WEB)
    get(client, WEB6)
    expect(held.alive(), "an open connection ended with the control plane")
    held.kill()
    with Capture(mesh, "restart", "tcp") as capture:
        node.process.kill()
        expect(client.curl(WEB, seconds=1)[0] == 0, "served without a data plane")
        node.start()
        code = refused(client, WEB, seconds=8)
        why = wait_until(lambda: next((d for d in node.ctl("explain", "client")["decisions"]
                                       if d["reason"] == "pod not ready"), None), 5, "the attempt ends with a named reason")
        mesh.start_controlplane()
        wait_until(lambda: served(client, WEB), 20, "served again")
    no_plaintext_left(capture, client.addresses)
    return (f"control plane dead: served; data plane restarted without it: refused (curl {code}: {why['reason']}), "
            "nothing in plaintext; control plane back: served")


# -- 11

def throughput(pod_or_namespace, address, seconds):
    run_in = pod_or_namespace if isinstance(pod_or_namespace, str) else pod_or_namespace.namespace
    done = run("iperf3", "-J", "-t", seconds, "-c", address, namespace=run_in, timeout=seconds + 15, check=False)
    received = json.loads(done.stdout or "{}").get("end", {}).get("sum_received")
    expect(received, f"iperf3 to {address}: exit {done.returncode}, nothing received")
    return received["bits_per_second"] / 1e9


def iperf(mesh, seconds=3):
    """The kernel's own path: two namespaces on a bridge of their own, no TLS."""
    spaces = mesh.namespaces
    for short in ("kern-a", "kern-b", "kern-br"):
        spaces.add(short)
    spaces.bridge("kern-br", "br0")
    for number, short in enumerate(("kern-a", "kern-b"), 1):
        spaces.plug(short, "eth0", "kern-br", "br0", addresses=[f"10.98.0.{number}/24"])
    server = mesh.start("iperf3-kernel", ["iperf3", "-s"], namespace=spaces.name("kern-b"))
    wait_until(lambda: ":5201 " in run("ss", "-H", "-ltn", namespace=spaces.name("kern-b")).stdout, 5, "iperf3 listens")
    kernel = throughput(spaces.name("kern-a"), "10.98.0.2", seconds)
    weft = throughput(mesh.pods["client"], "10.96.0.12", seconds)
    server.kill()
    for short in ("kern-a", "kern-b", "kern-br"):
        spaces.delete(short)
    expect(weft > 0.01, f"{weft:.2f} Gbit/s with mTLS")
    return f"mTLS through two appliances {weft:.2f} Gbit/s, kernel path without it {kernel:.2f}: ratio {weft / kernel:.2f}"


TITLES = {
    1: "client -> Service -> nginx on the other node, IPv4 and IPv6",
    2: "the wire of Service calls is TLS 1.3; both identities",
    3: "a caller that policy does not allow is refused, unseen by the server",
    4: "a policy edit takes effect in under a second, both ways",
    5: "PERMISSIVE serves the outsider, STRICT refuses it; probes pass",
    6: "a server outside the mesh: plaintext; REGISTRY_ONLY: refused",
    7: "two pods on one node: policy and identity hold, no wire",
    8: "a server that speaks first answers at once",
    9: "one-minute certificates rotate under traffic",
    10: "control plane dead, data plane restarted: nothing leaks",
    11: "one iperf3 flow with mTLS beside the kernel's path without",
}
