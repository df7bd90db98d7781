#include "perf/tcp_stack.h"

#include <memory>

#include "dataplane/net/ethernet.h"
#include "dataplane/net/segmentation.h"
#include "dataplane/net/stack.h"
#include "perf/tcp_bench.h"
#include "tests/builders/packet_builder.h"

namespace weft::perf {

using namespace net;

namespace {

constexpr InterfaceId kPod = 16;
constexpr MacAddress kOurs{{2, 0, 0, 0, 0, 1}}, kPeers{{2, 0, 0, 0, 0, 2}};

std::shared_ptr<const Network> network_of(const LinkCapabilities& device) {
  NetworkSpec spec;
  spec.interfaces.push_back({kPod, InterfaceKind::kPod, "pod", kOurs, kPeers, {}, device});
  spec.pods.push_back({kPod, {testing::ip_of("10.1.0.10")}, true, {}, {}, {}});
  auto compiled = Network::compile(std::move(spec));
  if (!compiled) std::fprintf(stderr, "perf_tcp: %s\n", compiled.error().c_str());
  return *compiled;
}

struct StackCycles {
  Cycles in, ack_out, out, ack_in;  // frames
  Cycles segments_out;              // wire segments, however they leave
  Cycles send, read;                // the owner's calls, for each segment
};

// A mesh pod, played by the pair's engine a, and the worker's stack behind the pod's device.
class StackBench {
 public:
  static constexpr std::size_t kBurst = 32;

  StackBench(const LinkCapabilities& device, bool software_checksums)
      : software_checksums_(software_checksums), pods_(false) {
    StackOptions options;
    options.headers = &pods_.pair.headers;
    stack_ = std::make_unique<Stack>(options);
    stack_->set_network(network_of(device));
    open();
  }
  ~StackBench() { frames_.clear(); }

  void to_stack(StackCycles& cycles) {
    pod().send(now(), here_, payload(kBurst));
    take_from_pod();
    const std::size_t n = frames_.size();
    cycles.in.measure(n, [&] { stack_->receive(now(), frames_); });
    frames_.clear();
    ByteChain read;
    cycles.read.measure(n, [&] { read = stack_->tcp().receive(now(), there_, SIZE_MAX); });
    std::size_t acks = 0;
    Stopwatch watch;
    watch.run([&] { acks = take_from_stack(); });
    cycles.ack_out.add(watch, acks);
    settle();
  }
  void from_stack(StackCycles& cycles) {
    const std::size_t segments = kBurst;
    ByteChain bytes = payload(segments);
    cycles.send.measure(segments, [&] { stack_->tcp().send(now(), there_, std::move(bytes)); });
    std::size_t n = 0;
    Stopwatch watch;
    watch.run([&] { n = take_from_stack(); });
    const double taken = cycles.out.add(watch, n);
    cycles.segments_out.add(taken, segments);
    give_to_pod();
    ByteChain read = pod().receive(now(), here_, SIZE_MAX);
    take_from_pod();
    n = frames_.size();
    cycles.ack_in.measure(n, [&] { stack_->receive(now(), frames_); });
    frames_.clear();
    settle();
  }

 private:
  TcpEngine& pod() { return pods_.pair.a; }
  Time now() const { return pods_.pair.now; }
  ByteChain payload(std::size_t segments) {
    ByteChain chain;
    while (segments-- > 0) {
      Slice slice = Slice::allocate(pods_.pair.small, 0);
      slice.append(kSegment);
      chain.push_back(std::move(slice));
    }
    return chain;
  }
  // As a device delivers it: one buffer, Ethernet in front; its checksum verified, or computed and left to us.
  Packet frame_of(Packet&& datagram) {
    if (software_checksums_) fill_checksum(datagram);
    Packet frame;
    Slice slice = Slice::allocate(pods_.pair.small, 64);
    for (const Slice& piece : datagram.bytes) slice.append(piece.bytes());
    write_ethernet(slice.prepend(kEthernetBytes), {kOurs, kPeers, EtherType::kIp4});
    frame.bytes = ByteChain(std::move(slice));
    frame.offload.checksum_verified = !software_checksums_;
    frame.interface = kPod;
    return frame;
  }
  void take_from_pod() {
    for (Packet datagram; pod().poll_output(now(), &datagram);) frames_.push_back(frame_of(std::move(datagram)));
  }
  std::size_t take_from_stack() {
    for (Packet frame; stack_->poll_frame(now(), &frame);) frames_.push_back(std::move(frame));
    return frames_.size();
  }
  void give_to_pod() {
    for (Packet& frame : frames_) {
      frame.bytes.drop_front(kEthernetBytes);
      Packet datagram = pods_.pair.arrive(std::move(frame));
      const TcpArrival arrival = TcpPair::arrival_of(datagram, TcpPair::kPodA);
      pod().input(now(), std::move(datagram), arrival);
    }
    frames_.clear();
  }
  bool turn() {
    take_from_pod();
    const bool any = !frames_.empty();
    stack_->receive(now(), frames_);
    frames_.clear();
    stack_->tcp().receive(now(), there_, SIZE_MAX);
    const bool more = take_from_stack() != 0;
    give_to_pod();
    pod().receive(now(), here_, SIZE_MAX);
    return any || more;
  }
  void settle() {
    while (turn()) {}
    for (TcpEvent event; stack_->tcp().poll_event(&event);) {}
    pods_.pair.discard_events();
    pods_.pair.now = now() + Duration::microseconds(100);
    pod().on_timer(now());
    stack_->on_timer(now());
  }
  void open() {
    ConnectRequest request;
    request.key = {TcpPair::kWire, {testing::ip_of("10.1.0.10"), 0}, {testing::ip_of("10.9.0.9"), 80}};
    here_ = *pod().connect(now(), request);
    turn();
    TcpEvent event;
    if (stack_->tcp().poll_event(&event)) there_ = event.id;
    stack_->tcp().accept_syn(now(), there_, kPod);
    settle();
    for (int i = 0; i < 8; ++i) {
      pod().send(now(), here_, payload(64));
      stack_->tcp().send(now(), there_, payload(64));
      settle();
    }
  }

  bool software_checksums_;
  TcpBench pods_;
  std::unique_ptr<Stack> stack_;
  ConnectionId here_, there_;
  std::vector<Packet> frames_;
};

StackCycles measure(const LinkCapabilities& device, bool software_checksums) {
  StackBench bench(device, software_checksums);
  StackCycles cycles;
  for (int i = 0; i < 1500; ++i) {
    bench.to_stack(cycles);
    bench.from_stack(cycles);
  }
  return cycles;
}

}  // namespace

void report_stack(Report& report) {
  const StackCycles wire = measure({.mtu = 1500}, true);
  const StackCycles offloads = measure({.mtu = 1500, .checksum = true}, false);
  const StackCycles tso = measure({.mtu = 1500, .tso = true, .checksum = true}, false);
  report.title("whole stack: Ethernet, IP, classification, TCP; 32 segments at once", "cycles");
  report.row("frame in, the device verifies checksums", "stack_in", offloads.in.median());
  report.row("frame in, checksum in software", "stack_in_checksum", wire.in.median());
  report.row("frame with the ACK of 32 segments in", "stack_ack_in", offloads.ack_in.median());
  report.row("wire segment out, cut in software, checksum left to the device", "stack_out_cut",
             offloads.segments_out.median());
  report.row("wire segment out, cut and checksum in software", "stack_out_software", wire.segments_out.median());
  report.row("super-segment of 32 out, the device cuts", "stack_super_out", tso.out.median());
  const double acks = (offloads.ack_in.median() + offloads.ack_out.median()) / StackBench::kBurst;
  report.row("out and in, both ends, checksums left to devices, for a segment", "stack_everything",
             offloads.send.median() + offloads.segments_out.median() + offloads.in.median() + offloads.read.median() +
                 acks);
}

}  // namespace weft::perf
