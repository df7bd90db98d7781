// Many connections: ports, memory bounds, size.
#include <vector>

#include "dataplane/net/tcp_fixture.h"
#include "dataplane/net/owner.h"
#include "dataplane/net/tcp_ports.h"

namespace weft::net {
namespace {

constexpr InterfaceId kPods[] = {21, 22};

// Two engines on a perfect wire.
class TcpPair {
 public:
  explicit TcpPair(const TcpOptions& options) : a(options, headers, Random(1)), b(options, headers, Random(2)) {
    a.set_interface(kWire, {});
    b.set_interface(kWire, {});
  }
  void exchange() {
    for (bool any = true; any;) any = carry(a, b, kPods[1]) | carry(b, a, kPods[0]);
  }
  bool carry(TcpEngine& from, TcpEngine& to, InterfaceId pod) {
    bool any = false;
    for (Packet packet; from.poll_output(now, &packet); packet = Packet(), any = true) {
      const std::uint8_t* p = packet.bytes.front().data();
      TcpArrival arrival;
      arrival.key = {kWire, {IpAddress::v4(p + 16), load_be16(p + 22)}, {IpAddress::v4(p + 12), load_be16(p + 20)}};
      arrival.pod = pod;
      arrival.tcp_offset = 20;
      // A wire hands over bytes, not buffers.
      std::vector<std::uint8_t> flat(packet.bytes.size());
      packet.bytes.copy_to(0, flat);
      Slice slice = Slice::allocate(large, 0);
      slice.append(flat);
      packet.bytes = ByteChain(std::move(slice));
      to.input(now, std::move(packet), arrival);
    }
    return any;
  }
  ConnectionId open() {
    ConnectRequest request;
    request.key = {kWire, {IpAddress::v4(10, 0, 0, 1), 0}, {IpAddress::v4(10, 0, 0, 2), 80}};
    request.pod = request.account = kPods[0];
    auto id = a.connect(now, request);
    EXPECT_TRUE(id.has_value());
    if (!id) return {};
    exchange();
    for (TcpEvent event; b.poll_event(&event);) {
      if (event.kind != TcpEventKind::kSyn) continue;
      b.accept_syn(now, event.id, account_b != 0 ? account_b : kPods[1]);
      accepted = event.id;
    }
    exchange();
    return *id;
  }
  void drain_events() {
    for (TcpEvent event; a.poll_event(&event);) {}
    for (TcpEvent event; b.poll_event(&event);) {}
  }
  HeapBufferPool headers{256}, frames{2304}, large{65'536};
  TcpEngine a, b;
  ConnectionId accepted;
  AccountId account_b = 0;
  Time now = Time::from_ns(1'000'000'000'000);
};

TEST(TcpScale, HundredThousandOrderlyConnectionsBetweenOnePair) {
  TcpOptions options;
  options.worker = 1;
  options.workers = 2;
  TcpPair pair(options);
  for (int i = 0; i < 100'000; ++i) {
    const ConnectionId id = pair.open();
    ASSERT_TRUE(pair.a.exists(id)) << "connection " << i;
    ASSERT_EQ(pair.a.info(id).state, TcpState::kEstablished) << "connection " << i;
    const FlowKey& key = pair.a.key(id);
    ASSERT_EQ(owner_of(key.local, key.remote, 2), 1u);
    pair.a.close(pair.now, id);
    pair.exchange();
    pair.b.close(pair.now, pair.accepted);
    pair.exchange();
    pair.drain_events();
    if (i % 20 == 0) pair.now = pair.now + Duration::milliseconds(1);  // a second until a port comes again
  }
  EXPECT_EQ(pair.a.connections() + pair.b.connections(), 0u);
  EXPECT_GT(pair.a.stats().time_wait_reused, 0u);
  while (!pair.a.deadline().is_never()) pair.now = pair.a.deadline(), pair.a.on_timer(pair.now);
  EXPECT_EQ(pair.a.time_wait_entries(), 0u);
  EXPECT_EQ(pair.headers.outstanding(), 0u);
}

TEST(TcpScale, ByPortsRunningOutConnectSaysSo) {
  TcpOptions options;
  HeapBufferPool headers(256);
  TcpEngine engine(options, headers, Random(1));
  engine.set_interface(kWire, {});
  ConnectRequest request;
  request.key = {kWire, {IpAddress::v4(10, 0, 0, 1), 0}, {IpAddress::v4(10, 0, 0, 2), 80}};
  unsigned opened = 0;
  while (engine.connect(Time(), request)) ++opened;
  EXPECT_EQ(opened, TcpPorts::kCount);
  EXPECT_EQ(engine.connect(Time(), request).error(), ConnectError::kNoPort);
  request.key.remote.port = 81;
  EXPECT_TRUE(engine.connect(Time(), request).has_value());
}

TEST(TcpMemory, ThousandStoppedReadersStayInTheirAccount) {
  TcpOptions options;
  TcpPair pair(options);
  constexpr std::uint64_t kLimit = 100'000;
  pair.b.set_account_limit(kPods[1], kLimit);
  std::vector<ConnectionId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(pair.open());
  for (int round = 0; round < 50; ++round) {
    for (ConnectionId id : ids) pair.a.send(pair.now, id, ByteChain::copy_of(as_bytes("x"), pair.frames));
    pair.exchange();
    ASSERT_LE(pair.b.account_memory(kPods[1]), kLimit);
    pair.now = pair.now + Duration::milliseconds(1);
  }
  EXPECT_GT(pair.b.stats().drop_account_memory, 0u);
  EXPECT_GT(pair.b.stats().coalesced, 0u);
  // Another account on the same worker does not notice.
  pair.account_b = 99;
  const ConnectionId other = pair.open();
  pair.a.send(pair.now, other, ByteChain::copy_of(as_bytes(std::string(20'000, 'y')), pair.frames));
  pair.exchange();
  EXPECT_EQ(pair.b.readable(pair.accepted), 20'000u);
  // And when they read again, all of it arrives.
  std::size_t total = 0;
  for (int i = 0; i < 200; ++i) {
    pair.b.for_each([&](ConnectionId id) {
      if (id != pair.accepted) total += pair.b.receive(pair.now, id, SIZE_MAX).size();
    });
    pair.exchange();
    pair.now = pair.now + Duration::milliseconds(200);
    pair.a.on_timer(pair.now);
    pair.b.on_timer(pair.now);
    pair.exchange();
  }
  EXPECT_EQ(total, 50'000u);
  EXPECT_EQ(pair.b.account_memory(kPods[1]), 0u);
}

TEST(TcpMemory, SmallSegmentsShareOneBuffer) {
  TcpFixture tcp = TcpFixture::established();
  for (std::uint32_t i = 0; i < 200; ++i) tcp.receive(tcp.from_peer().seq(kPeerSeq + i).bytes("a"));
  EXPECT_EQ(tcp.engine->info(tcp.id).memory, 256u);
  EXPECT_EQ(tcp.engine->account_memory(kPod), 256u);
  EXPECT_EQ(tcp.read(), std::string(200, 'a'));
  EXPECT_EQ(tcp.engine->account_memory(kPod), 0u);
}

TEST(TcpMemory, BytesBehindAHoleGiveWayToBytesInOrder) {
  TcpFixture tcp = TcpFixture::established();
  tcp.engine->set_account_limit(kPod, 16'000);
  for (std::uint32_t i = 1; i <= 6; ++i)
    tcp.receive(tcp.from_peer().seq(kPeerSeq + 2000 * i).bytes(std::string(1000, 'b')));
  EXPECT_GT(tcp.engine->info(tcp.id).out_of_order, 0u);
  for (std::uint32_t i = 0; i < 5; ++i)
    tcp.receive(tcp.from_peer().seq(kPeerSeq + 1000 * i).bytes(std::string(1000, 'b')));
  EXPECT_EQ(tcp.read().size() , 5000u);
  EXPECT_LE(tcp.engine->account_memory(kPod), 16'000u);
}

TEST(TcpMemory, EveryOtherByteIsBounded) {
  TcpFixture tcp = TcpFixture::established();
  for (std::uint32_t i = 1; i < 2000; ++i) {
    tcp.receive(tcp.from_peer().seq(kPeerSeq + 2 * i).bytes("z"));
    tcp.discard_sent();
  }
  EXPECT_LE(tcp.engine->info(tcp.id).memory, 512u * 256u);
  EXPECT_GT(tcp.stats().drop_reassembly_full + tcp.stats().drop_connection_memory, 0u);
}

// All tables counted, and just after the hash table has doubled (16 384 * 7 / 8 were too many), which is its worst.
TEST(TcpMemory, IdleConnectionCostsAtMost400BytesOfState) {
  TcpPair pair{TcpOptions{}};
  constexpr unsigned kCount = 14'337;
  for (unsigned i = 0; i < kCount; ++i) pair.open();
  EXPECT_LE(pair.a.memory(), kCount * 400);
  EXPECT_LE(pair.b.memory(), kCount * 400);
  EXPECT_EQ(pair.headers.outstanding(), 0u);
}

}  // namespace
}  // namespace weft::net
