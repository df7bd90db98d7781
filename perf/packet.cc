// Cycles per packet in the packet layer: a forwarded 64-byte UDP packet, and a TCP super-segment cut for a wire.
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "dataplane/net/stack.h"
#include "tests/builders/packet_builder.h"

namespace {

using namespace weft;
using namespace weft::net;

constexpr InterfaceId kUplink = 1, kPodA = 16, kPodB = 17;

MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 0, last}}; }

std::shared_ptr<const Network> network() {
  NetworkSpec spec;
  LinkCapabilities wire;
  LinkCapabilities tap{.mtu = 1500, .tso = true, .checksum = true};
  spec.interfaces.push_back(
      {kUplink, InterfaceKind::kUplink, "uplink", mac(1), {}, {testing::ip_of("10.0.0.1")}, wire});
  spec.interfaces.push_back({kPodA, InterfaceKind::kPod, "a", mac(2), mac(3), {}, tap});
  spec.interfaces.push_back({kPodB, InterfaceKind::kPod, "b", mac(4), mac(5), {}, tap});
  spec.pods.push_back({kPodA, {testing::ip_of("10.1.0.10")}, false, {}, {}, {}});
  spec.pods.push_back({kPodB, {testing::ip_of("10.1.0.11")}, false, {}, {}, {}});
  spec.routes.push_back({*IpPrefix::parse("10.0.0.0/24"), kUplink, std::nullopt});
  auto compiled = Network::compile(std::move(spec));
  if (!compiled) std::fprintf(stderr, "perf_packet: %s\n", compiled.error().c_str());
  return *compiled;
}

struct Bench {
  HeapBufferPool headers{512}, frames{70'000};
  std::unique_ptr<Stack> stack;
  Time now = Time::from_ns(1'000'000'000);

  Bench() {
    StackOptions options;
    options.headers = &headers;
    stack = std::make_unique<Stack>(options);
    stack->set_network(network());
  }

  // Cycles of receive() and poll_frame() per packet of `make`, in bursts of 32; the best of many rounds.
  template <typename Make>
  double cycles(Make make, unsigned* frames_out) {
    double best = 1e18;
    for (int round = 0; round < 300; ++round) {
      Packet burst[32];
      for (Packet& packet : burst) packet = make();
      now = now + Duration::microseconds(10);
      unsigned out = 0;
      const std::uint64_t begin = __rdtsc();
      stack->receive(now, burst);
      for (Packet frame; stack->poll_frame(now, &frame);) ++out;
      best = std::min(best, static_cast<double>(__rdtsc() - begin) / 32);
      *frames_out = out / 32;
    }
    return best;
  }
};

}  // namespace

int main() {
  Bench bench;
  unsigned small_out = 0, large_out = 0;
  const auto from_a = [] { return testing::PacketBuilder().eth(mac(2), mac(3)); };
  const double small = bench.cycles(
      [&] { return from_a().ip("10.1.0.10", "10.1.0.11").udp(1000, 53).payload_of(22).build(bench.frames, kPodA); },
      &small_out);
  const double super = bench.cycles(
      [&] {
        return from_a()
            .ip("10.1.0.10", "10.1.0.11")
            .tcp(1000, 80)
            .ack()
            .payload_of(64'000)
            .gso(1448)
            .build(bench.frames, kPodA);
      },
      &large_out);
  std::printf("%-44s %10s %8s\n", "packet (pod to pod, routed)", "cycles", "out");
  std::printf("%-44s %10.0f %8u\n", "64 bytes, UDP", small, small_out);
  std::printf("%-44s %10.0f %8u\n", "super-segment of 64000 bytes, TCP, to a TAP", super, large_out);
  std::printf("{\"small_cycles\": %.0f, \"super_segment_cycles\": %.0f}\n", small, super);
  return small_out == 1 && large_out == 1 ? 0 : 1;
}
