// Fuzz target: the input is a program for two TCP engines and the wire between them. TwoPeers judges, and sanitizers.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/two_peers.h"

namespace {

using namespace weft;

class Program {
 public:
  Program(const std::uint8_t* data, std::size_t size)
      : at_(data), end_(data + size), options_(options()), peers_(options_, take() % 4 == 1) {}

  void run() {
    peers_.connect(0);
    while (at_ != end_) step();
    peers_.finish();
  }

 private:
  std::uint8_t take() { return at_ == end_ ? 0 : *at_++; }
  std::uint32_t number() {
    const std::uint8_t high = take();
    return std::uint32_t{high} << 8 | take();
  }

  net::TcpOptions options() {
    const std::uint32_t bits = number();
    net::TcpOptions o;
    o.timestamps = (bits & 1) == 0;
    o.sack = (bits & 2) == 0;
    o.window_scale = (bits & 4) == 0;
    o.nagle = (bits & 8) != 0;
    o.congestion = (bits & 16) != 0 ? net::CongestionAlgorithm::kNewReno : net::CongestionAlgorithm::kCubic;
    if ((bits & 32) != 0) o.receive_buffer_initial = o.receive_buffer_max = 3000;
    if ((bits & 64) != 0) o.send_buffer_max = 5000;
    if ((bits & 128) != 0) o.account_limit = 40'000;
    if ((bits & 256) != 0) o.ecn = net::EcnMode::kAlways;
    if ((bits & 512) != 0) o.syn_queue_per_pod = 1;
    if ((bits & 1024) != 0) o.quick_acks = 0;
    return o;
  }

  void step() {
    const std::uint8_t what = take();
    const int side = what >> 7;
    const std::size_t which = what >> 4 & 7;
    switch (what & 15) {
      case 0: return deliver_all(side);
      case 1: return peers_.deliver(side, 0);
      case 2: return peers_.deliver(side, take());
      case 3: return peers_.drop(side, take());
      case 4: return peers_.duplicate(side, take());
      case 5: return alter(side);
      case 6: return peers_.pass(Duration::milliseconds(which == 0 ? number() : take()));
      case 7: return peers_.pass_to_deadline();
      case 8: return peers_.send(side, which, number() % 20'000);
      case 9: return peers_.send(side, which, 1 + which * 10);
      case 10: return peers_.receive(side, which, number());
      case 11: return finish_one(side, which, take());
      case 12: return which % 2 == 0 ? peers_.connect(side) : peers_.connect_towards(take() % 8);
      case 13: return change(side, which);
      case 14: return peers_.hand_over(side);
      default: return size(side, which);
    }
  }

  void deliver_all(int side) {
    for (int i = 0; i < 40; ++i) peers_.deliver(side, 0);
  }
  void alter(int side) {
    const std::uint8_t index = take();
    const std::uint8_t offset = take();
    peers_.alter(side, index, offset, take());
  }
  void finish_one(int side, std::size_t pair, std::uint8_t how) {
    if (how % 4 == 0) return peers_.close(side, pair);
    if (how % 4 == 1) return peers_.abort(side, pair);
    peers_.shutdown(side, pair);
  }
  void change(int side, std::size_t pair) {
    net::TcpSettings s = peers_.settings(side, pair);
    const std::uint8_t bits = take();
    s.nagle = (bits & 1) != 0;
    s.acks = static_cast<net::AckMode>((bits >> 1 & 3) % 3);
    s.max_segment = (bits & 8) != 0 ? static_cast<std::uint16_t>(88 + bits) : 0;
    s.keepalive = (bits & 16) != 0;
    s.keepalive_idle = s.keepalive_interval = Duration::milliseconds(take() * 100);
    s.keepalive_probes = bits >> 6;
    s.user_timeout = Duration::milliseconds((bits & 32) != 0 ? take() * 100 : 0);
    peers_.change(side, pair, s);
  }
  void size(int side, std::size_t which) {
    if (which < 6) return peers_.refuse_size(side, take(), 500 + take() * 4u);
    peers_.set_mtu(side, 600 + take() * 4u);
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  net::TcpOptions options_;
  fuzz::TwoPeers peers_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2048) return 0;
  Program(data, size).run();
  return 0;
}
