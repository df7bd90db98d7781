// Fuzz target: whatever arrives at any port, in any order, with any offload hint, at a node with two workers.
//
// Input: a sequence of records, each: 1 byte ingress and flags, 1 byte milliseconds to wait, 2 bytes frame length,
// 2 bytes gso_size, 2 bytes checksum_start, then the frame. Flags: see below.
#include <algorithm>
#include <cstdlib>

#include "dataplane/net/stack.h"
#include "tests/builders/packet_builder.h"

namespace weft {
namespace {

constexpr InterfaceId kPorts[] = {1, 2, 10, 12};
constexpr std::uint8_t kSecondWorker = 0x04, kPartial = 0x08, kVerified = 0x10, kGso = 0x20, kPieces = 0x40,
                       kSecondGso = 0x80;

net::Interface port(InterfaceId id, net::InterfaceKind kind) {
  net::Interface interface;
  interface.id = id;
  interface.kind = kind;
  interface.mac = {{2, 0, 0, 0, 0, static_cast<std::uint8_t>(id)}};
  interface.peer_mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(id)}};
  if (kind == net::InterfaceKind::kUplink)
    interface.addresses = {testing::ip_of("192.168.0.1"), testing::ip_of("2001:db8::1")};
  else
    interface.link = {.mtu = 1500, .tso = true, .checksum = true, .max_gso_bytes = 65535};
  return interface;
}

std::shared_ptr<const net::Network> compiled() {
  using testing::endpoint_of, testing::ip_of;
  net::NetworkSpec spec;
  spec.interfaces = {port(1, net::InterfaceKind::kUplink), port(2, net::InterfaceKind::kHost),
                     port(10, net::InterfaceKind::kPod), port(12, net::InterfaceKind::kPod)};
  spec.pods = {{10, {ip_of("10.1.0.10"), ip_of("fd00:1::10")}, true, {3306}, {9999}, {}},
               {12, {ip_of("10.1.0.12"), ip_of("fd00:1::12")}, false, {}, {}, {}}};
  spec.node_addresses = {ip_of("192.168.0.1"), ip_of("2001:db8::1")};
  spec.routes = {{*IpPrefix::parse("0.0.0.0/0"), 1, ip_of("192.168.0.254")},
                 {*IpPrefix::parse("::/0"), 1, ip_of("2001:db8::fe")}};
  spec.services = {{endpoint_of("10.96.0.10:53"), net::L4Protocol::kUdp, {endpoint_of("10.1.0.12:53")}},
                   {endpoint_of("10.96.0.10:80"), net::L4Protocol::kTcp, {endpoint_of("10.1.0.10:80")}},
                   {endpoint_of("[fd00:96::10]:53"), net::L4Protocol::kUdp, {endpoint_of("[fd00:2::53]:53")}}};
  return *net::Network::compile(std::move(spec));
}

// Compiling it would take a good part of a run's time.
const std::shared_ptr<const net::Network>& node() {
  static const auto network = compiled();
  return network;
}

// Two workers of one node, with limits small enough to be met. What leaves is looked at only by the sanitizers and
// check().
class Node {
 public:
  Node() {
    for (unsigned worker = 0; worker < 2; ++worker) {
      net::StackOptions options;
      options.worker = worker;
      options.workers = 2;
      options.headers = &headers_;
      options.output_packets_max = options.handover_packets_max = 64;
      options.fragment_datagrams_max = 16;
      stacks_[worker] = std::make_unique<net::Stack>(options);
      stacks_[worker]->set_network(node());
    }
  }
  void receive(unsigned worker, Packet&& frame) {
    stacks_[worker]->receive(now_, {&frame, 1});
    settle();
  }
  void wait(std::uint8_t units) {
    now_ = now_ + Duration::milliseconds(std::int64_t{units} * units);
    for (auto& stack : stacks_)
      if (stack->deadline() <= now_) stack->on_timer(now_);
    settle();
  }
  BufferPool& frames() { return frames_; }

 private:
  void settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& stack : stacks_) {
        unsigned worker = 0;
        Packet packet;
        while (stack->poll_handover(&worker, &packet)) {
          stacks_[worker]->receive_handover(now_, std::move(packet));
          moved = true;
        }
        net::TcpEvent event;
        while (stack->tcp().poll_event(&event)) on_event(stack->tcp(), event);
        while (stack->poll_frame(now_, &packet)) {
          check(packet);
          moved = true;
        }
      }
    }
  }
  // An echo server: as much of TCP as a peer can reach.
  void on_event(net::TcpEngine& tcp, const net::TcpEvent& event) {
    switch (event.kind) {
      case net::TcpEventKind::kSyn: tcp.accept_syn(now_, event.id, tcp.pod(event.id)); break;
      case net::TcpEventKind::kReadable: tcp.send(now_, event.id, tcp.receive(now_, event.id, 65536)); break;
      case net::TcpEventKind::kPeerClosed: tcp.shutdown_send(now_, event.id); break;
      case net::TcpEventKind::kClosed: tcp.close(now_, event.id); break;
      default: break;
    }
  }
  // What may never leave: a frame larger than the port takes.
  static void check(const Packet& frame) {
    const bool super = frame.offload.gso != GsoType::kNone;
    if (super && frame.interface == 1) std::abort();
    if (!super && frame.bytes.size() > 1514) std::abort();
  }

  HeapBufferPool headers_{512}, frames_{4096};
  std::unique_ptr<net::Stack> stacks_[2];
  Time now_ = Time::from_ns(1'000'000'000);
};

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  Node node;
  for (unsigned records = 0; size >= 8 && records < 64; ++records) {
    const std::uint8_t flags = data[0];
    const std::size_t length = std::min<std::size_t>(load_be16(data + 2), size - 8);
    Packet frame;
    frame.interface = kPorts[flags & 3];
    const ByteSpan bytes(data + 8, length);
    const std::size_t first = (flags & kPieces) != 0 ? length / 3 : length;
    frame.bytes = ByteChain::copy_of(bytes.first(first), node.frames(), 64);
    frame.bytes.append(ByteChain::copy_of(bytes.subspan(first), node.frames(), 64));
    frame.offload.needs_checksum = (flags & kPartial) != 0;
    frame.offload.checksum_verified = (flags & kVerified) != 0;
    if ((flags & kGso) != 0) frame.offload.gso = (flags & kSecondGso) != 0 ? GsoType::kTcp6 : GsoType::kTcp4;
    frame.offload.gso_size = load_be16(data + 4);
    frame.offload.checksum_start = load_be16(data + 6) & 0x1ff;
    frame.offload.checksum_offset = (flags & kSecondGso) != 0 ? 6 : 16;
    node.wait(data[1]);
    node.receive((flags & kSecondWorker) != 0, std::move(frame));
    data += 8 + length;
    size -= 8 + length;
  }
  node.wait(255);
  return 0;
}
