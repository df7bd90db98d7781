#include "tests/builders/stack_fixture.h"

#include "dataplane/net/checksum.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"

namespace weft::testing {

using net::Interface;
using net::InterfaceKind;
using net::MacAddress;

MacAddress our_mac(InterfaceId id) { return {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(id)}}; }
MacAddress peer_mac(InterfaceId id) { return {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(id)}}; }
MacAddress gateway_mac() { return peer_mac(kUplink); }

namespace {

Interface tap(InterfaceId id, InterfaceKind kind, std::string name) {
  Interface interface;
  interface.id = id;
  interface.kind = kind;
  interface.name = std::move(name);
  interface.mac = our_mac(id);
  interface.peer_mac = peer_mac(id);
  interface.link = {.mtu = 1500, .tso = true, .checksum = true, .max_gso_bytes = 65535};
  return interface;
}

net::Pod pod(InterfaceId id, bool in_mesh) {
  net::Pod p;
  p.interface = id;
  p.in_mesh = in_mesh;
  p.addresses = {ip_of("10.1.0." + std::to_string(id)), ip_of("fd00:1::" + std::to_string(id))};
  return p;
}

net::Route route(std::string_view prefix, std::string_view gateway) {
  net::Route r{*IpPrefix::parse(prefix), kUplink, {}};
  if (!gateway.empty()) r.gateway = ip_of(gateway);
  return r;
}

}  // namespace

net::NetworkSpec node_spec() {
  net::NetworkSpec spec;
  Interface uplink = tap(kUplink, InterfaceKind::kUplink, "uplink");
  uplink.peer_mac = {};
  uplink.addresses = {ip_of("192.168.0.1"), ip_of("2001:db8::1")};
  uplink.link = {.mtu = 1500, .tso = false, .checksum = false, .max_gso_bytes = 1500};
  spec.interfaces = {uplink, tap(kHost, InterfaceKind::kHost, "host"), tap(kMesh, InterfaceKind::kPod, "mesh"),
                     tap(kMeshB, InterfaceKind::kPod, "mesh_b"), tap(kPlain, InterfaceKind::kPod, "plain"),
                     tap(kServer, InterfaceKind::kPod, "server")};
  spec.pods = {pod(kMesh, true), pod(kMeshB, true), pod(kPlain, false), pod(kServer, false)};
  spec.pods[0].excluded_outbound_ports = {3306};
  spec.pods[0].excluded_inbound_ports = {9999};
  spec.node_addresses = {ip_of("192.168.0.1"), ip_of("2001:db8::1")};
  spec.routes = {route("0.0.0.0/0", "192.168.0.254"), route("::/0", "2001:db8::fe"), route("192.168.0.0/24", ""),
                 route("2001:db8::/64", ""), route("10.2.0.0/16", "192.168.0.2"), route("fd00:2::/64", "2001:db8::2")};
  const auto service = [](std::string_view address, net::L4Protocol protocol, std::vector<std::string> backends) {
    net::Service s{endpoint_of(address), protocol, {}};
    for (const std::string& backend : backends) s.backends.push_back(endpoint_of(backend));
    return s;
  };
  spec.services = {service("10.96.0.10:53", net::L4Protocol::kUdp, {"10.1.0.13:5353"}),
                   service("10.96.0.10:80", net::L4Protocol::kTcp, {"10.2.0.80:8080"}),
                   service("10.96.0.11:80", net::L4Protocol::kTcp, {"10.1.0.11:8080"}),
                   service("10.96.0.12:53", net::L4Protocol::kUdp, {"10.1.0.12:53"}),
                   service("10.96.0.13:53", net::L4Protocol::kUdp, {}),
                   service("[fd00:96::10]:53", net::L4Protocol::kUdp, {"[fd00:2::53]:5353"})};
  return spec;
}

IpAddress Sent::source() const {
  return type() == 0x86dd ? IpAddress::v6(frame.data() + 22) : IpAddress::v4(frame.data() + 26);
}
IpAddress Sent::destination() const {
  return type() == 0x86dd ? IpAddress::v6(frame.data() + 38) : IpAddress::v4(frame.data() + 30);
}

bool Sent::checksums_hold() const {
  const Bytes d = datagram();
  auto ip = net::parse_ip(d, d.size());
  if (!ip || ip->total_bytes != d.size()) return false;
  HeapBufferPool pool(65535);
  return net::l4_checksum_holds(ByteChain::copy_of(d, pool), *ip);
}

StackFixture::StackFixture(unsigned workers) {
  options.workers = workers;
  options.headers = &headers;
  start();
}

StackFixture::~StackFixture() {
  stacks.clear();
  EXPECT_EQ(headers.outstanding(), 0u);
  EXPECT_EQ(frames.outstanding(), 0u);
}

void StackFixture::start() {
  stacks.clear();
  for (unsigned worker = 0; worker < options.workers; ++worker) {
    options.worker = worker;
    options.seed = 42 + worker;
    stacks.push_back(std::make_unique<net::Stack>(options));
  }
  set_network();
  settle();
  sent_.clear();
}

void StackFixture::set_network() {
  auto network = net::Network::compile(spec);
  ASSERT_TRUE(network.has_value()) << network.error();
  for (auto& stack : stacks) stack->set_network(*network);
}

void StackFixture::receive(const PacketBuilder& packet, InterfaceId interface, unsigned worker) {
  Packet frame = packet.build(frames, interface);
  stacks[worker]->receive(now, {&frame, 1});
  settle();
}

void StackFixture::settle() {
  while (settle_once()) {}
}

bool StackFixture::settle_once() {
  bool moved = false;
  for (auto& stack : stacks) {
    unsigned worker = 0;
    Packet packet;
    while (stack->poll_handover(&worker, &packet)) {
      for (const Slice& slice : packet.bytes) EXPECT_TRUE(slice.exclusive());
      stacks[worker]->receive_handover(now, std::move(packet));
      moved = true;
    }
    while (stack->poll_frame(now, &packet)) {
      const Sent sent{packet.interface, bytes_of(packet), packet.offload};
      packet = Packet{};
      answer_request(sent);
      const bool asks = sent.type() == 0x0806 ? sent.frame[21] == 1
                                              : sent.type() == 0x86dd && sent.protocol() == 58 && sent.frame[54] == 135;
      if (!answer_neighbors || sent.interface != kUplink || !asks) sent_.push_back(sent);
      moved = true;
    }
  }
  return moved;
}

void StackFixture::answer_request(const Sent& request) {
  if (!answer_neighbors || request.interface != kUplink) return;
  PacketBuilder answer = eth(our_mac(kUplink), gateway_mac());
  if (request.type() == 0x0806) {
    const IpAddress target = IpAddress::v4(request.frame.data() + 38);
    const IpAddress sender = IpAddress::v4(request.frame.data() + 28);
    if (target == sender || sender.is_unspecified()) return;  // it tells, or probes for an address of its own
    answer.arp(2, gateway_mac(), target.to_string(), our_mac(kUplink), sender.to_string());
  } else if (request.type() == 0x86dd && request.protocol() == 58 && request.frame[54] == 135) {
    const IpAddress target = IpAddress::v6(request.frame.data() + 62);
    if (request.source().is_unspecified()) return;
    const MacAddress mac = gateway_mac();
    answer.ip(target.to_string(), request.source().to_string()).advertisement(target.to_string(), &mac, 0x60);
  } else {
    return;
  }
  Packet frame = answer.build(frames, kUplink);
  stacks[0]->receive(now, {&frame, 1});
}

void StackFixture::advance(Duration by) {
  const Time end = now + by;
  while (now < end) {
    Time next = end;
    for (auto& stack : stacks) next = std::min(next, std::max(stack->deadline(), now + Duration::milliseconds(1)));
    now = next;
    for (auto& stack : stacks) stack->on_timer(now);
    settle();
  }
}

std::vector<Sent> StackFixture::take_sent() { return std::exchange(sent_, {}); }

Sent StackFixture::only(InterfaceId interface) {
  std::vector<Sent> sent = take_sent();
  EXPECT_EQ(sent.size(), 1u);
  if (sent.empty()) return {interface, Bytes(1600), {}};
  EXPECT_EQ(sent[0].interface, interface);
  return sent[0];
}

std::uint64_t StackFixture::dropped(net::Drop reason) const {
  std::uint64_t n = 0;
  for (const auto& stack : stacks) n += stack->drops().count(reason);
  return n;
}

std::uint64_t StackFixture::drops() const {
  std::uint64_t n = 0;
  for (const auto& stack : stacks)
    for (std::uint64_t count : stack->drops().counters()) n += count;
  return n - dropped(net::Drop::kNeighborConsumed);
}

std::uint64_t StackFixture::count(std::uint64_t net::StackCounters::* counter) const {
  std::uint64_t n = 0;
  for (const auto& stack : stacks) n += stack->counters().*counter;
  return n;
}

net::FlowKey StackFixture::only_syn(unsigned* worker) {
  net::FlowKey key;
  unsigned found = 0;
  for (unsigned i = 0; i < stacks.size(); ++i) {
    net::TcpEvent event;
    while (stacks[i]->tcp().poll_event(&event)) {
      if (event.kind != net::TcpEventKind::kSyn) continue;
      ++found;
      key = stacks[i]->tcp().key(event.id);
      if (worker != nullptr) *worker = i;
      stacks[i]->tcp().drop_syn(event.id);
    }
  }
  EXPECT_EQ(found, 1u);
  return key;
}

}  // namespace weft::testing
