// Fuzz target: the input is a program of segments, calls and time against one engine; sanitizers and the engine's own
// assertions judge, and at the end every buffer must be back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dataplane/net/tcp_engine.h"
#include "dataplane/net/tcp_segment.h"

namespace {

using namespace weft;
using namespace weft::net;

constexpr InterfaceId kWire = 1;
constexpr InterfaceId kPod = 2;

class Program {
 public:
  Program(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {
    TcpOptions options;
    const std::uint8_t choice = u8();
    options.sack = (choice & 1) != 0;
    options.timestamps = (choice & 2) != 0;
    options.window_scale = (choice & 4) != 0;
    options.nagle = (choice & 8) != 0;
    options.receive_buffer_initial = options.receive_buffer_max = (choice & 16) != 0 ? 500 : 100'000;
    options.congestion = (choice & 32) != 0 ? CongestionAlgorithm::kCubic : CongestionAlgorithm::kNewReno;
    options.account_limit = (choice & 64) != 0 ? 20'000 : 10'000'000;
    options.time_wait = Duration::seconds(1);
    engine_ = std::make_unique<TcpEngine>(options, headers_, Random(1));
    engine_->set_interface(kWire, {1500, 65535, true});
  }

  void run() {
    while (at_ != end_) {
      step(u8());
      settle();
    }
    engine_->abort_all_of(now_, kPod);
    for (ConnectionId id : ids_) engine_->close(now_, id);
    settle();
    if (engine_->connections() != 0 || engine_->account_memory(kPod) != 0) std::abort();
    if (headers_.outstanding() + frames_.outstanding() != 0) std::abort();
  }

 private:
  std::uint8_t u8() { return at_ == end_ ? 0 : *at_++; }
  std::uint16_t u16() { return static_cast<std::uint16_t>(u8() << 8 | u8()); }

  void step(std::uint8_t what) {
    switch (what % 10) {
      case 0:
      case 1:
      case 2:
      case 3: return segment(what);
      case 4: return raw();
      case 5: return connect();
      case 6: return time();
      default: return call(what);
    }
  }

  FlowKey flow(std::uint8_t which) {
    return {kWire, {IpAddress::v4(10, 0, 0, 1), static_cast<std::uint16_t>(1 + which % 3)},
            {IpAddress::v4(10, 0, 0, 2), 80}};
  }

  // A segment near what the connection expects, so that mutations reach deep.
  void segment(std::uint8_t what) {
    const std::uint8_t which = u8() % 3;
    TcpSegment s;
    s.flags = u8() & 0x3f;
    s.seq = rcv_nxt_[which] + static_cast<std::uint32_t>(static_cast<std::int16_t>(u16()));
    s.ack = snd_nxt_[which] + static_cast<std::uint32_t>(static_cast<std::int16_t>(u16()));
    if ((what & 0x10) != 0) s.seq = rcv_nxt_[which];
    if ((what & 0x20) != 0) s.ack = snd_nxt_[which];
    s.window = u16();
    if ((what & 0x40) != 0) s.has_timestamps = true, s.tsval = u16(), s.tsecr = u16();
    if (s.is(kSyn)) s.mss = u16(), s.window_scale = u8() % 15, s.sack_permitted = true;
    if ((what & 0x80) != 0) {
      s.sack_count = 1;
      s.sack[0].left = s.ack + u8() * 8u;
      s.sack[0].right = s.sack[0].left + u8();
    }
    const std::uint32_t n = u8() % 4 == 0 ? u16() % 3000 : u8() % 8;
    Packet packet;
    const FlowKey key = flow(which);
    if (!build_headers({kWire, key.remote, key.local}, s, n, frames_, &packet)) return;
    packet.offload = {};
    if (n > 0) packet.bytes.append(ByteChain::copy_of(std::vector<std::uint8_t>(n, 7), frames_));
    if (s.is(kSyn)) rcv_nxt_[which] = s.seq + 1;
    engine_->input(now_, std::move(packet), {key, Interception::kInbound, kPod, 20});
  }

  void raw() {
    Slice slice = Slice::allocate(frames_, 16);
    slice.append(20);
    std::memset(slice.data(), 0, 20);
    for (std::uint8_t n = u8() % 80; n > 0; --n) *slice.append(1) = u8();
    Packet packet;
    packet.bytes.push_back(std::move(slice));
    engine_->input(now_, std::move(packet), {flow(u8()), Interception::kOutbound, kPod, 20});
  }

  void connect() {
    ConnectRequest request;
    request.key = flow(u8());
    request.pod = request.account = kPod;
    if (auto id = engine_->connect(now_, request)) ids_.push_back(*id);
  }

  void time() {
    Time next = now_ + Duration::milliseconds(u8());
    if ((u8() & 1) != 0 && !engine_->deadline().is_never()) next = std::max(next, engine_->deadline());
    now_ = next;
    engine_->on_timer(now_);
  }

  void call(std::uint8_t what) {
    if (ids_.empty()) return;
    const ConnectionId id = ids_[u8() % ids_.size()];
    switch (what / 10 % 8) {
      case 0: engine_->accept_syn(now_, id, kPod); break;
      case 1: engine_->refuse_syn(now_, id); break;
      case 2: engine_->close(now_, id); break;
      case 3: engine_->abort(now_, id); break;
      case 4: engine_->shutdown_send(now_, id); break;
      case 5: engine_->receive(now_, id, u16()); break;
      case 6:
        engine_->on_icmp_error(
            now_, flow(u8()),
            {static_cast<IcmpErrorKind>(u8() % 4), snd_nxt_[0].raw() - u8(), u16()});
        break;
      default:
        if (engine_->send_space(id) > 0) {
          engine_->send(now_, id, ByteChain::copy_of(std::vector<std::uint8_t>(1 + u16() % 5000, 9), frames_));
        }
    }
  }

  void settle() {
    for (TcpEvent event; engine_->poll_event(&event);) {
      if (event.kind == TcpEventKind::kSyn) ids_.push_back(event.id);
    }
    for (Packet packet; engine_->poll_output(now_, &packet); packet = Packet()) {
      TcpSegment s;
      if (!parse_tcp(packet.bytes.front().bytes().subspan(20), &s)) std::abort();
      const auto port = load_be16(packet.bytes.front().data() + 20);
      const auto end = s.seq + static_cast<std::uint32_t>(packet.bytes.size() - 20 - s.header_size) +
                       (s.is(kSyn) ? 1 : 0) + (s.is(kFin) ? 1 : 0);
      if (port >= 1 && port <= 3) {
        snd_nxt_[port - 1] = end;
        if (s.is(kAck) && !s.is(kRst)) rcv_nxt_[port - 1] = s.ack;
      }
    }
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  HeapBufferPool headers_{256}, frames_{2304};
  std::unique_ptr<TcpEngine> engine_;
  std::vector<ConnectionId> ids_;
  Seq snd_nxt_[3], rcv_nxt_[3];
  Time now_ = Time::from_ns(1'000'000'000'000);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Program(data, size).run();
  return 0;
}
