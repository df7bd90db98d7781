// Fuzz target: the input is a frozen connection. Whatever is let in answers a peer, lives through its timers, can be
// frozen again, and leaves nothing behind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dataplane/net/tcp_engine.h"
#include "dataplane/net/tcp_segment.h"

namespace {

using namespace weft;
using namespace weft::net;

constexpr InterfaceId kWire = 3;  // as in the corpus

class Life {
 public:
  Life() : engine_(TcpOptions(), headers_, Random(1)) { engine_.set_interface(kWire, {1500, 65'535, true}); }

  void run(ByteSpan frozen) {
    const auto id = engine_.thaw(now_, frozen, frames_);
    if (id && *id) again(*id);
    for (int i = 0; i < 6; ++i) {
      answer();
      if (engine_.deadline().is_never()) break;
      now_ = std::max(now_, engine_.deadline());
      engine_.on_timer(now_);
    }
    end();
  }

 private:
  // What was let in can be written, and read again.
  void again(ConnectionId id) {
    key_ = engine_.key(id);
    const auto twice = engine_.thaw(now_, engine_.freeze(now_, id), frames_);
    if (!twice) std::abort();
    id_ = *twice;
  }

  // Everything that is sent is acknowledged, with a little text, and a block beyond.
  void answer() {
    for (TcpEvent event; engine_.poll_event(&event);) {
      if (event.kind == TcpEventKind::kSyn) engine_.accept_syn(now_, event.id, 1);
    }
    int answers = 50;  // text is acknowledged, and so on
    for (Packet packet; engine_.poll_output(now_, &packet); packet = Packet()) {
      TcpSegment s;
      const std::uint16_t ip = packet.offload.checksum_start;
      if (!parse_tcp(packet.bytes.front().bytes().subspan(ip), &s)) std::abort();
      const auto text = static_cast<std::uint32_t>(packet.bytes.size() - ip - s.header_size);
      if (id_ && --answers > 0) acknowledge(s, text);
    }
  }
  void acknowledge(const TcpSegment& s, std::uint32_t text) {
    TcpSegment ack;
    ack.seq = s.ack;
    ack.ack = s.seq + (s.is(kSyn) ? 1 : 0);
    ack.flags = kAck;
    ack.window = 1000;
    ack.has_timestamps = s.has_timestamps;
    ack.tsval = s.tsecr + 1;
    ack.tsecr = s.tsval;
    if (text > 1) ack.sack[ack.sack_count++] = {s.seq + 1, s.seq + text};
    Packet packet;
    if (!build_headers({kWire, key_.remote, key_.local}, ack, 5, frames_, &packet)) return;
    packet.offload = {};
    packet.bytes.append(ByteChain::copy_of(as_bytes("hello"), frames_));
    engine_.input(now_, std::move(packet),
                  {key_, Interception::kInbound, 1, static_cast<std::uint16_t>(ip_header_size(key_))});
  }

  void end() {
    if (id_) engine_.abort(now_, id_);
    engine_.freeze_rest(now_, [](FrozenConnection&&) {});
    std::vector<ConnectionId> others;
    engine_.for_each([&](ConnectionId id) { others.push_back(id); });
    for (ConnectionId id : others) engine_.freeze(now_, id);
    for (Packet packet; engine_.poll_output(now_, &packet); packet = Packet()) {}
    if (engine_.connections() + engine_.time_wait_entries() != 0) std::abort();
    if (headers_.outstanding() + frames_.outstanding() != 0) std::abort();
  }

  HeapBufferPool headers_{256}, frames_{2304};
  TcpEngine engine_;
  Time now_ = Time::from_ns(6'000'000'000'000);
  ConnectionId id_;
  FlowKey key_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size <= 65'536) Life().run({data, size});
  return 0;
}
