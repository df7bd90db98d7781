"""Packets made by hand, byte by byte, and sent from a namespace through a raw socket."""
import ipaddress
import json
import struct

from netns import run

SENDER = """
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind((sys.argv[1], 0))
for line in sys.stdin:
    raw.send(bytes.fromhex(line))
"""
FLOOD = """
import socket, struct, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
raw.bind((sys.argv[1], 0))
frame = bytearray.fromhex(sys.argv[2])
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~((total & 0xffff) + (total >> 16)) & 0xffff
for port in range(1024, 1024 + int(sys.argv[3])):
    struct.pack_into("!H", frame, 34, port)
    frame[50:52] = b"\\0\\0"
    segment = bytes(frame[34:])
    struct.pack_into("!H", frame, 50, checksum(bytes(frame[26:34]) + struct.pack("!HH", 6, len(segment)) + segment))
    raw.send(frame)
"""
SYN, RST, ACK = 0x02, 0x04, 0x10


def send(namespace, device, *frames):
    run("python3", "-c", SENDER, device, namespace=namespace, stdin="".join(f.hex() + "\n" for f in frames))


def flood(namespace, device, syn, ports):
    """The same SYN from `ports` source ports, with right checksums."""
    run("python3", "-c", FLOOD, device, syn.hex(), str(ports), namespace=namespace, timeout=60)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def address(text):
    return ipaddress.ip_address(text).packed


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ethernet(to, source, kind, payload, vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return mac(to) + mac(source) + tag + struct.pack("!H", kind) + payload


def ip(source, destination, protocol, payload, offset=0, more=False, bad_checksum=False):
    """An IPv4 or IPv6 packet; `offset` (bytes) and `more` make it a fragment of IPv4."""
    if ":" in source:
        fixed = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
        return fixed + address(source) + address(destination) + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0x1234, offset // 8 | (0x2000 if more else 0), 64,
                         protocol, 0) + address(source) + address(destination)
    sum_ = checksum(header) ^ (0x5555 if bad_checksum else 0)
    return header[:10] + struct.pack("!H", sum_) + header[12:] + payload


def with_sum(source, destination, protocol, segment, at, spoil=0):
    pseudo = address(source) + address(destination) + struct.pack("!IBBBB", len(segment), 0, 0, 0, protocol)
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment) ^ spoil) + segment[at + 2:]


def tcp(source, destination, ports, flags, sequence=1000, acknowledge=0, payload=b"", spoil=0):
    segment = struct.pack("!HHIIBBHHH", *ports, sequence, acknowledge, 0x50, flags, 65535, 0, 0) + payload
    return with_sum(source, destination, 6, segment, 16, spoil)


def udp(source, destination, ports, payload=b"x"):
    return with_sum(source, destination, 17, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload, 6)


def arp(operation, sender_mac, sender, target_mac, target):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac(sender_mac) + address(sender) + mac(target_mac) + \
        address(target)


def neighbor_advertisement(source, destination, target, target_mac):
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + address(target) + bytes([2, 1]) + mac(target_mac)
    body = with_sum(source, destination, 58, body, 2)
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + address(source) + address(destination) + body


def kind_of(packet):
    return 0x86DD if packet[0] >> 4 == 6 else 0x0800


class Station:
    """Somebody at a device, who can say anything to the appliance at its other end."""

    def __init__(self, namespace, device, gateway_mac):
        self.namespace, self.device, self.gateway = namespace, device, gateway_mac
        link = json.loads(run("ip", "-j", "link", "show", device, namespace=namespace).stdout)
        self.mac = link[0]["address"]

    def frame(self, packet, vlan=None):
        return ethernet(self.gateway, self.mac, kind_of(packet), packet, vlan)

    def say(self, *packets, vlan=None):
        send(self.namespace, self.device, *(self.frame(packet, vlan) for packet in packets))

    def say_arp(self, message, to=None):
        send(self.namespace, self.device, ethernet(to or self.gateway, self.mac, 0x0806, message))


def pod_station(pod):
    run("ping", "-c", 1, "-W", 2, "169.254.1.1", namespace=pod.namespace, check=False)
    neighbors = json.loads(run("ip", "-j", "neigh", "show", "dev", "eth0", namespace=pod.namespace).stdout)
    return Station(pod.namespace, "eth0", next(n["lladdr"] for n in neighbors if "lladdr" in n))


def wire_station(mesh, node):
    """The plain host, as it talks to this node's appliance."""
    return Station(mesh.namespaces.name("host"), "eth0", node.ctl("status")["dataplane"]["uplink"].split("MAC ")[1])
