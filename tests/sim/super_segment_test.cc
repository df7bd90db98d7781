// Super-segments: cut and merged anywhere, the byte stream and the ACK clock are the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dataplane/net/segmentation.h"
#include "dataplane/net/tcp_engine.h"
#include "dataplane/net/tcp_segment.h"
#include "tests/sim/link.h"
#include "tests/sim/wire.h"

namespace weft::sim {
namespace {

constexpr InterfaceId kWire = 7, kPod = 101;
constexpr Time kBegin = Time::from_ns(1'000'000'000'000);

net::TcpOptions options_of(Random& random) {
  net::TcpOptions o;
  o.timestamps = random.chance(0.7);
  o.sack = random.chance(0.7);
  o.quick_acks = 0;
  o.congestion = random.chance(0.5) ? net::CongestionAlgorithm::kCubic : net::CongestionAlgorithm::kNewReno;
  return o;
}

// An engine, and all that it has said and delivered.
struct End {
  End(const net::TcpOptions& options, std::uint64_t seed)
      : engine(std::make_unique<net::TcpEngine>(options, headers, Random(seed))) {
    engine->set_interface(kWire, {1500, 65'535, true});
  }
  void input(Time now, const Datagram& d) { engine->input(now, to_packet(d, pool), arrival_of(d, kWire, kPod)); }
  // Timers, events (a SYN is accepted), and everything that can be read.
  void turn(Time now) {
    engine->on_timer(now);
    for (net::TcpEvent event; engine->poll_event(&event);) {
      if (event.kind == net::TcpEventKind::kSyn) engine->accept_syn(now, id = event.id, kPod);
      established = established || event.kind == net::TcpEventKind::kEstablished;
      ended = ended || event.kind == net::TcpEventKind::kPeerClosed;
    }
    const ByteChain bytes = engine->receive(now, id, SIZE_MAX);
    const std::size_t before = delivered.size();
    delivered.resize(before + bytes.size());
    bytes.copy_to(0, MutableByteSpan(delivered).subspan(before));
  }
  // What it sends now, cut; notes the highest ACK.
  std::vector<Datagram> output(Time now) {
    std::vector<Datagram> all;
    for (Packet packet; engine->poll_output(now, &packet);) {
      for (Datagram& piece : cut(flatten(packet))) all.push_back(std::move(piece));
    }
    for (const Datagram& d : all) {
      net::TcpSegment s;
      if (parse_tcp(ByteSpan(d.bytes).subspan(d.bytes[0] >> 4 == 6 ? 40 : 20), &s) && s.is(net::kAck)) acked = s.ack;
    }
    return all;
  }

  HeapBufferPool headers{256}, pool{66'000};
  std::unique_ptr<net::TcpEngine> engine;
  net::ConnectionId id;
  std::vector<std::uint8_t> delivered;
  net::Seq acked;
  bool established = false, ended = false;
};

// A sender, the receiver that it talks to, and the receiver's twin: the same in everything, it is given the same
// datagrams at the same times, but merged at random places. The sender never hears of it.
class Twins {
 public:
  explicit Twins(std::uint64_t seed)
      : random_(seed), options_(options_of(random_)), sender_(options_, 1), plain_(options_, 2), merged_(options_, 2) {
    LinkOptions link{.delay = Duration::milliseconds(3)};
    link.loss = random_.chance(0.5) ? 0.02 : 0;
    link.reorder = random_.chance(0.3) ? 0.1 : 0;
    link.reorder_by = Duration::milliseconds(2);
    link.duplicate = random_.chance(0.3) ? 0.02 : 0;
    link.batch = Duration::microseconds(static_cast<std::int64_t>(1 + random_.below(500)));
    there_ = std::make_unique<Link>(link, Random(random_.next()));
    merge_ = static_cast<double>(random_.below(11)) / 10;
    v6_ = random_.chance(0.5);
  }

  void run() {
    text_.resize(20'000 + random_.below(200'000));
    for (std::uint8_t& byte : text_) byte = static_cast<std::uint8_t>(random_.next());
    const net::FlowKey key{kWire, {address_of(0, v6_), 5000}, {address_of(1, v6_), 80}};
    sender_.id = *sender_.engine->connect(now_, {.key = key, .pod = kPod, .account = kPod});
    for (int steps = 0; !plain_.ended && !::testing::Test::HasFailure(); ++steps) {
      step();
      ASSERT_LT(steps, 100'000) << "nothing comes to an end; delivered " << plain_.delivered.size();
    }
    for (int i = 0; i < 100; ++i) step();  // what is delayed still comes
    EXPECT_EQ(plain_.delivered, text_);
    EXPECT_EQ(merged_.delivered, text_);
    EXPECT_TRUE(merged_.ended);
    EXPECT_EQ(merged_.acked.raw(), plain_.acked.raw());
  }
  std::uint64_t joined() const { return joined_; }

 private:
  void step() {
    write();
    for (Datagram& d : sender_.output(now_)) launch(std::move(d));
    const Time next = std::min({there_queue_.empty() ? Time::never() : there_queue_.begin()->first,
                                back_.empty() ? Time::never() : back_.begin()->first, sender_.engine->deadline(),
                                plain_.engine->deadline(), merged_.engine->deadline()});
    if (!next.is_never()) now_ = std::max(now_, next);
    deliver();
    feed(back_, [&](const Datagram& d) { sender_.input(now_, d); });
  }
  void launch(Datagram&& datagram) {
    std::vector<Link::Copy> copies;
    there_->carry(now_, std::move(datagram), copies);
    for (Link::Copy& c : copies) there_queue_.emplace(c.at, std::move(c.datagram));
  }
  template <typename Take>
  void feed(std::multimap<Time, Datagram>& queue, Take&& take) {
    for (; !queue.empty() && queue.begin()->first <= now_; queue.erase(queue.begin())) take(queue.begin()->second);
  }
  void deliver() {
    std::vector<Datagram> batch;
    feed(there_queue_, [&](const Datagram& d) {
      plain_.input(now_, d);
      if (!batch.empty() && random_.chance(merge_) && merge(batch.back(), d)) {
        ++joined_;
      } else {
        batch.push_back(d);
      }
    });
    for (const Datagram& d : batch) merged_.input(now_, d);
    plain_.turn(now_);
    merged_.turn(now_);
    for (Datagram& d : plain_.output(now_)) back_.emplace(now_ + Duration::milliseconds(3), std::move(d));
    merged_.output(now_);
    compare();
  }
  // After each batch: the same in order, the same behind a hole, and neither owes an ACK for two full segments (RFC
  // 5681, 4.2). One may be owed by either: a super-segment is acknowledged at its end, its segments in pairs.
  void compare() {
    ASSERT_EQ(merged_.delivered.size(), plain_.delivered.size());
    const net::TcpInfo one = plain_.engine->info(plain_.id), other = merged_.engine->info(merged_.id);
    ASSERT_EQ(other.state, one.state);
    ASSERT_EQ(other.bytes_in, one.bytes_in);
    ASSERT_EQ(other.out_of_order, one.out_of_order);
    if (one.state != net::TcpState::kEstablished || one.bytes_in == 0) return;
    const net::Seq end = later_of(plain_.acked, merged_.acked);
    ASSERT_LT(std::max(end - plain_.acked, end - merged_.acked), 2 * one.receive_mss);
  }
  void write() {
    sender_.turn(now_);
    if (!sender_.established || written_ == text_.size()) return;
    const std::size_t space = std::min(sender_.engine->send_space(sender_.id), text_.size() - written_);
    if (space == 0) return;
    const std::size_t n = 1 + random_.below(space);
    sender_.engine->send(now_, sender_.id, ByteChain::copy_of(ByteSpan(text_).subspan(written_, n), sender_.pool));
    written_ += n;
    if (written_ == text_.size()) sender_.engine->shutdown_send(now_, sender_.id);
  }

  Random random_;
  net::TcpOptions options_;
  End sender_, plain_, merged_;
  std::unique_ptr<Link> there_;
  double merge_ = 0;
  bool v6_ = false;
  std::multimap<Time, Datagram> there_queue_, back_;  // equal times keep their order
  std::vector<std::uint8_t> text_;
  std::size_t written_ = 0;
  std::uint64_t joined_ = 0;
  Time now_ = kBegin;
};

TEST(SuperSegment, MergedAnywhereItIsTheSameStreamAndTheSameAckClock) {
  std::uint64_t joined = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Twins twins(seed);
    twins.run();
    joined += twins.joined();
    if (HasFailure()) return;
  }
  EXPECT_GT(joined, 2000u);  // or nothing was tried
}

// A datagram of text as a sender's TCP makes it, to be cut.
Datagram super_segment(Random& random, bool v6) {
  const net::FlowKey key{kWire, {address_of(0, v6), 5000}, {address_of(1, v6), 80}};
  const auto size = static_cast<std::uint32_t>(1 + random.below(40'000));
  net::TcpSegment s;
  s.seq = net::Seq(static_cast<std::uint32_t>(random.next()));  // wherever numbers wrap
  s.ack = net::Seq(static_cast<std::uint32_t>(random.next()));
  s.window = static_cast<std::uint16_t>(random.next());
  s.flags = static_cast<std::uint8_t>(net::kAck | (random.chance(0.5) ? net::kPsh : 0) |
                                      (random.chance(0.3) ? net::kFin : 0) | (random.chance(0.2) ? net::kEce : 0));
  s.has_timestamps = random.chance(0.7);
  s.tsval = static_cast<std::uint32_t>(random.next());
  HeapBufferPool pool(256);
  Packet packet;
  EXPECT_TRUE(build_headers(key, s, size, pool, &packet));
  Datagram d = flatten(packet);
  for (std::uint32_t i = 0; i < size; ++i) d.bytes.push_back(static_cast<std::uint8_t>(random.next()));
  return d;
}

// The same bytes in slices that end anywhere behind the headers.
Packet in_pieces(const Datagram& d, std::size_t headers, Random& random, BufferPool& pool) {
  Packet packet;
  for (std::size_t at = 0; at < d.bytes.size();) {
    const std::size_t least = at == 0 ? headers : 1;
    const std::size_t n = std::min(least + random.below(5000), d.bytes.size() - at);
    Slice slice = Slice::allocate(pool, 64);
    slice.append(ByteSpan(d.bytes).subspan(at, n));
    packet.bytes.push_back(std::move(slice));
    at += n;
  }
  return packet;
}

TEST(SuperSegment, CutAnywhereAndMergedAgainItIsItself) {
  Random random(11);
  HeapBufferPool headers(256), frames(8192);
  for (int round = 0; round < 300; ++round) {
    Datagram whole = super_segment(random, random.chance(0.5));
    const auto ip = *net::parse_ip(whole.bytes, whole.bytes.size());
    Packet packet = in_pieces(whole, ip.header_bytes + 60, random, frames);
    const std::uint32_t head = net::tcp_headers_bytes(packet.bytes, ip);
    const auto size = static_cast<std::uint16_t>(40 + random.below(3000));
    packet.offload = {.gso = ip.v6 ? GsoType::kTcp6 : GsoType::kTcp4, .gso_size = size, .needs_checksum = true};
    net::PacketQueue out(2000);
    ASSERT_TRUE(net::cut_super_segment(std::move(packet), ip, false, headers, out));
    ASSERT_EQ(out.size(), (whole.bytes.size() - head + size - 1) / size);
    Datagram again;
    while (!out.empty()) {
      const Packet piece = out.pop();
      ASSERT_TRUE(net::l4_checksum_holds(piece.bytes, *net::parse_ip(piece.bytes.front().bytes(), piece.bytes.size())));
      const Datagram flat = flatten(piece);
      ASSERT_LE(flat.bytes.size(), head + size);
      if (again.bytes.empty()) {
        again = flat;
      } else {
        ASSERT_TRUE(merge(again, flat)) << "round " << round;
      }
    }
    // The checksum fields are another's duty, and IPv4 counts its datagrams.
    for (Datagram* d : {&whole, &again}) {
      store_be16(&d->bytes[ip.header_bytes + 16], 0);
      if (!ip.v6) store_be16(&d->bytes[4], 0), store_be16(&d->bytes[10], 0);
    }
    ASSERT_EQ(again.bytes, whole.bytes);
  }
  EXPECT_EQ(headers.outstanding() + frames.outstanding(), 0u);
}

TEST(SuperSegment, WhatMustNotBeMergedIsNot) {
  Random random(5);
  const auto piece = [&](std::uint8_t flags, std::uint32_t seq, std::size_t size, std::uint16_t window = 100) {
    net::TcpSegment s;
    s.seq = net::Seq(seq);
    s.flags = static_cast<std::uint8_t>(net::kAck | flags);
    s.window = window;
    HeapBufferPool pool(256);
    Packet packet;
    const net::FlowKey key{kWire, {address_of(0, false), 5000}, {address_of(1, false), 80}};
    EXPECT_TRUE(build_headers(key, s, static_cast<std::uint32_t>(size), pool, &packet));
    Datagram d = flatten(packet);
    d.bytes.resize(d.bytes.size() + size);
    return d;
  };
  const auto merges = [](Datagram a, const Datagram& b) { return merge(a, b); };
  EXPECT_TRUE(merges(piece(0, 1, 100), piece(net::kPsh | net::kFin, 101, 60)));
  EXPECT_FALSE(merges(piece(0, 1, 100), piece(0, 102, 100)));           // a hole
  EXPECT_FALSE(merges(piece(0, 1, 100), piece(0, 101, 101)));           // longer than the first
  EXPECT_FALSE(merges(piece(net::kPsh, 1, 100), piece(0, 101, 100)));   // behind a push
  EXPECT_FALSE(merges(piece(0, 1, 100), piece(0, 101, 0)));             // no text
  EXPECT_FALSE(merges(piece(0, 1, 100), piece(0, 101, 100, 99)));       // another window
  EXPECT_FALSE(merges(piece(0, 1, 100), piece(net::kEce, 101, 100)));   // another meaning
  EXPECT_FALSE(merges(piece(0, 1, 100), piece(net::kCwr, 101, 100)));
}

}  // namespace
}  // namespace weft::sim
