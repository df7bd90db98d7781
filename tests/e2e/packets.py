"""Packets that no honest kernel sends: what each gets, seen by the counters and by captures at who must not see it."""
import contextlib

import frames
import rows
from capture import Capture
from frames import ACK, SYN, ip, pod_station, tcp, udp, wire_station
from netns import run, wait_until
from network import drop_count
from programs import peer_authentication
from rows import WEB, expect, get, served
from scenario import applied, scenario

HOST = "10.99.0.100"


@contextlib.contextmanager
def dropped(node, name, at_least=1):
    """What is said in the block dies under this name."""
    before = drop_count(node, name)
    yield
    wait_until(lambda: drop_count(node, name) >= before + at_least, 5, f"{node.name} counts {at_least} {name}")


@contextlib.contextmanager
def unseen(pod, expression):
    """No frame that matches reaches this pod during the block."""
    with Capture(pod.mesh, f"unseen-{pod.name}", expression, pod.namespace, "eth0") as capture:
        yield
    expect(capture.matching(expression) == 0, f"{pod.name} saw {capture.matching(expression)} frames of: {expression}")


@contextlib.contextmanager
def strict(mesh):
    with applied(mesh, "peer.yaml", peer_authentication("STRICT")):
        rows.outsider_is_refused(mesh)
        yield
    wait_until(lambda: served(mesh.pods["outsider"], WEB), 5, "PERMISSIVE again")


@scenario
def a_pod_that_spoofs_its_source_is_dropped(mesh):
    client, intruder, web = mesh.pods["client"], mesh.pods["intruder"], mesh.pods["web"]
    liar = pod_station(client)
    for lie, target in ((intruder.ipv4, web.ipv4), (intruder.ipv6, web.ipv6)):
        with dropped(client.node, "spoofed_source", 2), unseen(web, f"udp and port 9999 or host {lie}"):
            liar.say(ip(lie, target, 17, udp(lie, target, (9999, 9999))),
                     ip(lie, target, 6, tcp(lie, target, (40000, 8080), SYN)))


@scenario
def a_pod_that_spoofs_arp_or_neighbor_discovery_changes_nothing(mesh):
    client, intruder = mesh.pods["client"], mesh.pods["intruder"]
    liar = pod_station(client)
    with dropped(client.node, "arp_spoofed"):
        liar.say_arp(frames.arp(2, liar.mac, intruder.ipv4, liar.gateway, "169.254.1.1"))
    with dropped(client.node, "nd_spoofed"):
        liar.say(frames.neighbor_advertisement(client.ipv6, "fe80::1", intruder.ipv6, liar.mac))
    get(intruder, WEB)


@scenario
def a_local_pods_or_the_nodes_source_on_the_uplink_is_dropped_under_strict(mesh):
    node, web, neighbor = mesh.nodes["node-b"], mesh.pods["web"], mesh.pods["neighbor"]
    liar = wire_station(mesh, node)
    with strict(mesh):
        for lie, target in ((neighbor.ipv4, web.ipv4), (neighbor.ipv6, web.ipv6), ("10.99.0.2", web.ipv4),
                            ("fd99::2", web.ipv6)):
            with dropped(node, "local_source_on_uplink"), unseen(web, f"tcp and port 40001 or host {lie}"):
                liar.say(ip(lie, target, 6, tcp(lie, target, (40001, 8080), SYN)))


@scenario
def a_vlan_tag_is_dropped_from_pods_and_from_the_wire(mesh):
    client, web, node = mesh.pods["client"], mesh.pods["web"], mesh.nodes["node-b"]
    packet = ip(client.ipv4, web.ipv4, 6, tcp(client.ipv4, web.ipv4, (40002, 8080), SYN))
    with dropped(client.node, "vlan_tag"):
        pod_station(client).say(packet, vlan=5)
    packet = ip(HOST, web.ipv4, 6, tcp(HOST, web.ipv4, (40002, 8080), SYN))
    with dropped(node, "vlan_tag"), unseen(web, "tcp and port 40002"):
        wire_station(mesh, node).say(packet, vlan=5)


@scenario
def tcp_fragments_that_hide_the_ports_are_dropped(mesh):
    client, web, node = mesh.pods["client"], mesh.pods["web"], mesh.nodes["node-a"]
    segment = tcp(client.ipv4, web.ipv4, (40003, 8080), SYN)
    with dropped(node, "fragment_tiny"), unseen(web, "tcp"):
        pod_station(client).say(ip(client.ipv4, web.ipv4, 6, segment[:8], more=True),
                                ip(client.ipv4, web.ipv4, 6, segment[8:], offset=8))


@scenario
def tcp_in_whole_fragments_is_still_intercepted(mesh):
    """The plain host's SYN in two fragments, ports in the first, under STRICT: gathered, accepted by the appliance for
    its first bytes, and never routed to the pod."""
    web, node = mesh.pods["web"], mesh.nodes["node-b"]
    station = wire_station(mesh, node)
    segment = tcp(HOST, web.ipv4, (40004, 8080), SYN, payload=b"x" * 16)
    with strict(mesh), unseen(web, f"host {HOST}"):
        with Capture(mesh, "gathered", f"tcp and src {web.ipv4}") as capture:
            station.say(ip(HOST, web.ipv4, 6, segment[:24], more=True), ip(HOST, web.ipv4, 6, segment[24:], offset=24))
            wait_until(lambda: capture.file.stat().st_size > 24, 5, "the appliance answers the SYN itself")


@scenario
def a_segment_without_a_connection_is_answered_by_rst_and_never_routed(mesh):
    client, web, node = mesh.pods["client"], mesh.pods["web"], mesh.nodes["node-b"]
    segment = tcp(HOST, web.ipv4, (40005, 8080), ACK, 5000, 7000, b"mid-flow")
    with unseen(web, f"host {HOST}"):
        with Capture(mesh, "rst", "tcp and port 40005") as capture:
            wire_station(mesh, node).say(ip(HOST, web.ipv4, 6, segment))
            wait_until(lambda: "Flags [R" in run("tcpdump", "-nr", capture.file, check=False).stdout, 5,
                       "a RST comes back")
    segment = tcp(client.ipv4, HOST, (40006, 8000), ACK, 5000, 7000, b"mid-flow")
    with Capture(mesh, "not-routed", "tcp and port 40006") as wire:
        with Capture(mesh, "rst-pod", "tcp and port 40006", client.namespace, "eth0") as capture:
            pod_station(client).say(ip(client.ipv4, HOST, 6, segment))
            wait_until(lambda: "Flags [R" in run("tcpdump", "-nr", capture.file, check=False).stdout, 5,
                       "the pod gets a RST")
    expect(wire.matching("tcp") == 0, "a segment without a connection was routed")


@scenario
def wrong_checksums_and_lengths_are_dropped(mesh):
    """What a bridge's kernel would drop before us is said by a pod."""
    client, web, node = mesh.pods["client"], mesh.pods["web"], mesh.nodes["node-b"]
    pod, me = pod_station(client), client.ipv4
    with dropped(client.node, "ip_bad_checksum"), unseen(web, "tcp and port 40007"):
        pod.say(ip(me, web.ipv4, 6, tcp(me, web.ipv4, (40007, 8080), SYN), bad_checksum=True))
    with dropped(client.node, "ip_truncated"), unseen(web, "tcp and port 40007"):
        pod.say(ip(me, web.ipv4, 6, tcp(me, web.ipv4, (40007, 8080), SYN, payload=b"x" * 200))[:60])
    with dropped(node, "l4_bad_checksum"), unseen(web, f"host {HOST}"):
        wire_station(mesh, node).say(ip(HOST, web.ipv4, 6, tcp(HOST, web.ipv4, (40007, 8080), SYN, spoil=0x5555)))


def held_connections(node):
    return int(node.ctl("status")["dataplane"]["TCP connections"].split(",")[0])


@scenario
def a_syn_flood_is_bounded_and_leaves_other_pods_alone(mesh):
    """20 000 SYNs from a station that never answers, to one pod; its neighbours on the node are served meanwhile."""
    perf, node, host = mesh.pods["perf"], mesh.nodes["node-b"], mesh.namespaces.name("host")
    silent = "10.99.0.151"  # answered for in ARP by the plain host, whose kernel then throws the SYN-ACKs away
    run("sysctl", "-qw", "net.ipv4.conf.eth0.proxy_arp=1", namespace=host)
    run("ip", "neigh", "add", "proxy", silent, "dev", "eth0", namespace=host)
    try:
        syn = ip(silent, perf.ipv4, 6, tcp(silent, perf.ipv4, (1024, 5201), SYN))
        frames.flood(host, "eth0", wire_station(mesh, node).frame(syn), 20000)
        rows.greeting(mesh.pods["client"], "10.96.0.11", seconds=5)
        held = held_connections(node)
        expect(held <= 2 * 1024 + 100, f"{held} connections are held for a flood of 20000 SYNs")
        get(mesh.pods["client"], WEB)
        expect(node.process.alive(), "the data plane ended")
    finally:
        run("ip", "neigh", "del", "proxy", silent, "dev", "eth0", namespace=host, check=False)
        run("sysctl", "-qw", "net.ipv4.conf.eth0.proxy_arp=0", namespace=host)
