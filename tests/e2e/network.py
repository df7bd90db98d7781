"""What is routed rather than proxied: DNS through its Service, ICMP, large datagrams, pods outside the mesh."""
import json
import time

import frames
from capture import Capture
from netns import run
from programs import MARKER
from rows import WEB, WEB6, expect, get
from scenario import extra_pod, scenario

DNS4, DNS6 = "10.96.0.53", "fd00:96::53"

QUERIES = """
import socket, struct, sys
def query(number):
    name = b"".join(bytes([len(label)]) + label for label in (b"answer", b"shop")) + b"\\0"
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
failed = []
for number in range(1, 51):
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:  # a port of its own each: both workers take part
        asker.settimeout(5)
        asker.connect((sys.argv[1], 53))
        asker.send(query(number))
        try:
            answer = asker.recv(2000)
            right = answer[:2] == struct.pack("!H", number) and bytes([192, 0, 2, 53]) in answer
            if not right: failed.append((number, answer))
        except OSError as error: failed.append((number, repr(error)))
print(len(failed), failed[:3])
"""


def fifty_queries(pod, address):
    said = pod.run("python3", "-c", QUERIES, address, timeout=280).stdout
    expect(said.startswith("0 "), f"{pod.name} -> {address}: {said.strip()}")


@scenario
def dns_through_its_service_with_the_backend_on_another_node(mesh):
    for address in (DNS4, DNS6):
        answer = mesh.pods["client"].run("dig", "+short", "+time=3", "+tries=2", f"@{address}", "answer.shop").stdout
        expect(answer.strip() == "192.0.2.53", f"dig @{address}: {answer!r}")
        fifty_queries(mesh.pods["client"], address)


@scenario
def dns_through_its_service_with_the_backend_on_the_same_node(mesh):
    for address in (DNS4, DNS6):
        fifty_queries(mesh.pods["neighbor"], address)


@scenario
def dns_through_its_service_from_a_pod_outside_the_mesh(mesh):
    for address in (DNS4, DNS6):
        fifty_queries(mesh.pods["outsider"], address)


@scenario
def dns_over_tcp_through_its_own_address_is_served(mesh):
    dns = mesh.pods["dns"]
    answer = mesh.pods["client"].run("dig", "+short", "+tcp", "+time=3", "+tries=2", f"@{dns.ipv4}",
                                     "answer.shop").stdout
    expect(answer.strip() == "192.0.2.53", f"dig +tcp: {answer!r}")


def ping(where, address, *flags):
    done = run("ping", "-n", "-c", 2, "-i", "0.2", "-W", 3, *flags, address, namespace=where, check=False)
    expect(done.returncode == 0, f"ping {address} from {where}: {done.stdout[-200:]} {done.stderr}")


@scenario
def pods_ping_their_gateway_each_other_and_plain_hosts(mesh):
    client, web, intruder = mesh.pods["client"], mesh.pods["web"], mesh.pods["intruder"]
    ping(client.namespace, "169.254.1.1")
    ping(client.namespace, "fe80::1%eth0")
    for address in (*web.addresses, *intruder.addresses, "10.99.0.100", "fd99::100"):
        ping(client.namespace, address)
    for address in client.addresses:
        ping(mesh.namespaces.name("host"), address)


@scenario
def a_node_pings_its_pods_by_the_host_port(mesh):
    for address in mesh.pods["web"].addresses:
        ping(mesh.nodes["node-b"].namespace, address)


@scenario
def datagrams_larger_than_the_mtu_pass_in_fragments(mesh):
    client = mesh.pods["client"].namespace
    for address in mesh.pods["intruder"].addresses:
        ping(client, address, "-s", 4000)
    # DPDK's af_packet driver has the kernel gather IPv4 fragments and cuts what exceeds its ring's frame of 2 KiB: on
    # this kind of uplink no IPv4 datagram may be larger. IPv6 is gathered by the appliance itself.
    ping(client, mesh.pods["web"].ipv4, "-s", 1900)
    ping(client, mesh.pods["web"].ipv6, "-s", 4000)


@scenario
def a_packet_too_big_for_the_wire_is_answered_with_the_mtu(mesh):
    """A pod whose own MTU is larger: its DF packets get "fragmentation needed", and IPv6 its "packet too big"."""
    node = mesh.nodes["node-a"]
    with extra_pod(mesh, "jumbo", config={**node.cni_config(), "mtu": 3000}) as pod:
        mesh.wait_ready()
        expect(json.loads(pod.run("ip", "-j", "link", "show", "eth0").stdout)[0]["mtu"] == 3000, "the pod's MTU")
        for address in ("10.99.0.100", "fd99::100"):
            done = pod.run("ping", "-n", "-c", 2, "-i", "0.2", "-W", 3, "-M", "do", "-s", 2500, address, check=False)
            expect("1500" in done.stdout + done.stderr, f"ping -M do {address}: {done.stdout} {done.stderr}")


@scenario
def a_pod_outside_the_mesh_reaches_a_service_and_a_plain_host(mesh):
    outsider = mesh.pods["outsider"]
    for url in (WEB, WEB6, "http://10.99.0.100:8000/", "http://[fd99::100]:8000/"):
        expect(MARKER in get(outsider, url), f"{url}: another page")


@scenario
def a_service_port_that_does_not_exist_is_refused_at_once_for_pods_outside_the_mesh(mesh):
    outsider, node = mesh.pods["outsider"], mesh.nodes["node-a"]
    before = drop_count(node, "service_no_port")
    started = time.monotonic()
    status, _, code = outsider.curl("http://10.96.0.10:81/", seconds=4)
    expect(status == 0 and code, f"HTTP {status}")
    expect(drop_count(node, "service_no_port") > before, f"not counted (curl {code})")
    expect(code == 7 and time.monotonic() - started < 3, f"it was left waiting (curl {code})")


def drop_count(node, name):
    return sum(int(drop["count"]) for drop in node.ctl("drops", "--all")["drops"] if drop["name"] == name)


# -- the wire belongs to the appliance

def not_the_appliances(capture, node):
    """Frames that leave by the uplink's own MAC with another source than the appliance's and its pods' addresses."""
    mac = node.ctl("status")["dataplane"]["uplink"].split("MAC ")[1]
    number = node.number
    return capture.matching(f"ether src {mac} and not src host 10.99.0.{number} and not src host fd99::{number} and "
                            f"not src net 10.244.{number}.0/24 and not src net fd00:244:{number}::/64")


def capture_at_uplink(mesh, node):
    return Capture(mesh, "uplink", "", mesh.namespaces.name("wire"), f"p-{node.short}-up0")


@scenario
def no_frame_on_the_uplink_comes_from_the_nodes_kernel(mesh):
    """The kernel tries: neighbours on the wire, a broadcast, a multicast, and its device touched."""
    node = mesh.nodes["node-a"]
    with capture_at_uplink(mesh, node) as capture:
        for target in ("10.99.0.2", "10.99.0.100", "10.99.0.255", "fd99::100", "224.0.0.1"):
            run("ping", "-c", 1, "-W", 1, target, namespace=node.namespace, check=False)
        run("ip", "link", "set", "up0", "mtu", 1400, namespace=node.namespace)
        run("ip", "link", "set", "up0", "mtu", 1500, namespace=node.namespace)
        get(mesh.pods["client"], WEB)
    expect(capture.matching("tcp") > 0, "nothing was captured")
    expect(not_the_appliances(capture, node) == 0, "frames on the uplink come from somebody else than the appliance")


@scenario
def control_a_frame_from_the_nodes_kernel_would_be_seen(mesh):
    node = mesh.nodes["node-a"]
    mac = node.ctl("status")["dataplane"]["uplink"].split("MAC ")[1]
    request = frames.arp(1, mac, "192.168.77.1", "00:00:00:00:00:00", "10.99.0.100")
    with capture_at_uplink(mesh, node) as capture:
        frames.send(node.namespace, "up0", frames.ethernet("ff:ff:ff:ff:ff:ff", mac, 0x0806, request))
    expect(not_the_appliances(capture, node) == 1, "it is not seen")
