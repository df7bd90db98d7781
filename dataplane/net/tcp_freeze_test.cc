// Frozen to bytes and thawed in a fresh engine, a connection is what it was; other bytes are refused, or do no harm.
#include "dataplane/net/tcp_fixture.h"

namespace weft::net {
namespace {

TcpOptions everything() {
  TcpOptions o;
  o.congestion = CongestionAlgorithm::kCubic;
  o.receive_buffer_initial = 20'000;
  return o;
}

SegmentBuilder generous() { return SegmentBuilder().mss(kMss).window(65535).scale(7).sack_ok().stamps(1000, 0); }

// A connection with a part of everything: unread text, a hole, text in flight that is partly SACKed, text that waits,
// settings of its own, a reader that was promised space, an event that nobody has polled.
TcpFixture busy() {
  TcpFixture t = TcpFixture::established(everything(), generous());
  t.change([](TcpSettings& s) {
    s.send_buffer_max = 30'000;
    s.user_timeout = Duration::seconds(30);
  });
  t.receive(t.from_peer().stamps(1001, 0).bytes("unread"));
  t.receive(t.from_peer().seq(kPeerSeq + 2000).stamps(1001, 0).bytes("behind a hole"));
  t.receive(t.from_peer().seq(kPeerSeq + 4000).stamps(1001, 0).bytes("and another"));
  for (int i = 0; i < 22; ++i) t.send(std::string(1448, static_cast<char>('a' + i)));
  t.discard_sent();
  t.now = t.now + kRtt;
  t.receive(t.from_peer().seq(kPeerSeq + 6).ack(1449).stamps(1002, 0).sack(1 + 3 * 1448, 1 + 5 * 1448).window(500));
  EXPECT_EQ(t.engine->send_space(t.id), 0u);
  return t;
}

// The fixture goes on with a fresh engine, to which everything was handed over.
void hand_over(TcpFixture& t, const TcpOptions& options) {
  auto fresh = std::make_unique<TcpEngine>(options, *t.headers, Random(43));
  fresh->set_interface(kWire, {1500, 65535, true});
  const FrozenConnection own = t.engine->freeze(t.now, t.id);
  std::vector<FrozenConnection> rest;
  t.engine->freeze_rest(t.now, [&](FrozenConnection&& frozen) { rest.push_back(std::move(frozen)); });
  EXPECT_EQ(t.engine->connections() + t.engine->time_wait_entries(), 0u);
  EXPECT_EQ(t.engine->account_memory(kPod), 0u);
  EXPECT_TRUE(t.engine->deadline().is_never());
  t.engine = std::move(fresh);
  if (!own.empty()) t.id = t.engine->thaw(t.now, own, *t.pool).value();
  for (const FrozenConnection& frozen : rest) EXPECT_FALSE(t.engine->thaw(t.now, frozen, *t.pool).value());
}

TEST(TcpFreeze, ThawedConnectionFreezesToTheSameBytes) {
  TcpFixture t = busy();
  const FrozenConnection first = t.engine->freeze(t.now, t.id);
  t.id = t.engine->thaw(t.now, first, *t.pool).value();
  EXPECT_EQ(t.engine->freeze(t.now, t.id), first);
  EXPECT_FALSE(t.engine->exists(t.id));
  EXPECT_EQ(t.pool->outstanding() + t.headers->outstanding(), 0u);
}

TEST(TcpFreeze, EverythingGoesOnInAFreshEngine) {
  TcpFixture t = busy();
  const TcpInfo before = t.engine->info(t.id);
  const Time deadline = t.engine->deadline();
  hand_over(t, everything());
  const TcpInfo after = t.engine->info(t.id);
  EXPECT_EQ(after.sacked, 2u * 1448);
  EXPECT_EQ(after.cwnd, before.cwnd);
  EXPECT_EQ(after.srtt, before.srtt);
  EXPECT_EQ(after.send_queue, before.send_queue);
  EXPECT_EQ(t.engine->deadline(), deadline);
  EXPECT_EQ(t.engine->settings(t.id).user_timeout, Duration::seconds(30));
  t.expect_event(TcpEventKind::kReadable);
  EXPECT_EQ(t.read(), "unread");
  // The holes are filled, and what waited behind them is read.
  t.receive(t.from_peer().seq(kPeerSeq + 6).ack(1449).stamps(1003, 0).bytes(std::string(1994, 'x')));
  EXPECT_EQ(t.read(), std::string(1994, 'x') + "behind a hole");
}

TEST(TcpFreeze, TextThatWasInFlightIsSentAgain) {
  TcpFixture t = busy();
  hand_over(t, everything());
  t.discard_sent();
  std::string again;
  for (int i = 0; again.empty() && i < 10; ++i) {
    t.run_next_timer();
    for (SentSegment sent; t.poll_sent(&sent); sent = {}) {
      if (again.empty()) again = sent.data;
    }
  }
  ASSERT_FALSE(again.empty());
  EXPECT_EQ(again[0], 'b');  // the first segment was acknowledged
}

TEST(TcpFreeze, EveryStateIsHandedOver) {
  const TcpOptions o = TcpFixture::plain();
  for (auto make : {TcpFixture::syn_sent, TcpFixture::syn_received, TcpFixture::passively_established,
                    TcpFixture::close_wait, TcpFixture::fin_wait_1, TcpFixture::fin_wait_2}) {
    TcpFixture t = make(o);
    const TcpState state = t.state();
    hand_over(t, o);
    EXPECT_EQ(t.state(), state);
  }
}

TEST(TcpFreeze, SynThatWaitsIsAcceptedByTheOther) {
  TcpFixture t(TcpFixture::plain());
  t.receive(SegmentBuilder().syn().seq(kPeerSeq - 1).mss(kMss).window(65535));
  t.expect_event(TcpEventKind::kSyn);
  hand_over(t, TcpFixture::plain());
  t.engine->accept_syn(t.now, t.id, kPod);
  t.expect_sent(SegmentBuilder().syn().ack(kPeerSeq));
}

TEST(TcpFreeze, TimeWaitAnswersAndEndsInTime) {
  TcpFixture t = TcpFixture::time_wait();
  const Time end = t.engine->deadline();
  hand_over(t, TcpFixture::plain());
  EXPECT_EQ(t.engine->time_wait_entries(), 1u);
  EXPECT_EQ(t.engine->deadline(), end);
  t.receive(t.from_peer().ack(2).fin());
  t.expect_sent(t.to_peer().ack(kPeerSeq + 1));
}

TEST(TcpFreeze, OrphanSendsItsRest) {
  TcpFixture t = TcpFixture::established();
  t.send("the rest");
  t.engine->close(t.now, t.id);
  hand_over(t, TcpFixture::plain());
  EXPECT_EQ(t.engine->connections(), 1u);
  t.expect_sent(t.to_peer().fin().bytes("the rest"));
}

TEST(TcpFreeze, EndedConnectionIsReadByTheOther) {
  TcpFixture t = TcpFixture::established();
  t.receive(t.from_peer().bytes("last words"));
  t.receive(t.from_peer().seq(kPeerSeq + 10).rst());
  hand_over(t, TcpFixture::plain());
  t.expect_event(TcpEventKind::kReadable);
  t.expect_closed(CloseReason::kResetByPeer);
  EXPECT_EQ(t.read(), "last words");
}

TEST(TcpFreeze, RefusesWhatHasNoPlace) {
  TcpFixture t = busy();
  const FrozenConnection frozen = t.engine->freeze(t.now, t.id);
  const auto refusal = [&](TcpEngine& engine, Time now) { return engine.thaw(now, frozen, *t.pool).error().problem; };
  TcpEngine earlier(everything(), *t.headers, Random(1));
  EXPECT_EQ(refusal(earlier, t.now - Duration::milliseconds(1)), ThawProblem::kFuture);
  TcpEngine elsewhere(everything(), *t.headers, Random(1));
  EXPECT_EQ(refusal(elsewhere, t.now), ThawProblem::kUnknownInterface);
  HeapBufferPool none(2304, 0);
  EXPECT_EQ(t.engine->thaw(t.now, frozen, none).error().problem, ThawProblem::kNoBuffers);
  ASSERT_TRUE(t.engine->thaw(t.now, frozen, *t.pool));
  const auto twice = t.engine->thaw(t.now, frozen, *t.pool);
  EXPECT_EQ(twice.error().problem, ThawProblem::kInUse);
  EXPECT_EQ(t.engine->connections(), 1u);
  EXPECT_GE(t.stats().thaw_refused, 2u);
}

TEST(TcpFreeze, NamesWhatIsWrong) {
  TcpFixture t = busy();
  FrozenConnection frozen = t.engine->freeze(t.now, t.id);
  frozen[4] ^= 1;
  EXPECT_EQ(t.engine->thaw(t.now, frozen, *t.pool).error().to_string(),
            "frozen by another version: version, before byte 6");
  frozen[0] ^= 1;
  EXPECT_EQ(t.engine->thaw(t.now, frozen, *t.pool).error().to_string(),
            "this is no frozen connection: magic, before byte 4");
  EXPECT_EQ(t.engine->thaw(t.now, {}, *t.pool).error().problem, ThawProblem::kCutShort);
}

TEST(TcpFreeze, EveryCutIsRefusedAndLeavesNothing) {
  TcpFixture t = busy();
  FrozenConnection frozen = t.engine->freeze(t.now, t.id);
  for (std::size_t n = 0; n < frozen.size(); ++n) {
    const auto refused = t.engine->thaw(t.now, ByteSpan(frozen).first(n), *t.pool);
    ASSERT_FALSE(refused.has_value()) << n;
  }
  frozen.push_back(0);
  EXPECT_EQ(t.engine->thaw(t.now, frozen, *t.pool).error().problem, ThawProblem::kTrailingBytes);
  EXPECT_EQ(t.engine->connections(), 0u);
  EXPECT_EQ(t.engine->account_memory(kPod), 0u);
  EXPECT_EQ(t.pool->outstanding() + t.headers->outstanding(), 0u);
}

// Whatever a changed byte lets in lives like a connection: it answers, its timers run, and it can be aborted.
TEST(TcpFreeze, ChangedBytesDoNoHarm) {
  TcpFixture t = busy();
  const FrozenConnection frozen = t.engine->freeze(t.now, t.id);
  Random random(7);
  int let_in = 0;
  for (int round = 0; round < 3000; ++round) {
    FrozenConnection changed = frozen;
    const std::size_t head = 15 + random.below(random.chance(0.9) ? 400 : changed.size() - 15);
    changed[head] = static_cast<std::uint8_t>(changed[head] ^ 1u << random.below(8));
    const auto id = t.engine->thaw(t.now, changed, *t.pool);
    if (!id) continue;
    ++let_in;
    t.id = *id;
    t.discard_events();
    t.discard_sent();
    t.receive(t.from_peer().seq(kPeerSeq + 6).ack(1 + 3 * 1448).stamps(1003, 0).bytes("more"));
    t.receive(t.from_peer().seq(kPeerSeq + 6).ack(1449).stamps(1003, 0).sack(1 + 2 * 1448, 1 + 8 * 1448).bytes("m"));
    for (int i = 0; i < 5 && !t.engine->deadline().is_never(); ++i) {
      t.advance(std::max(t.engine->deadline() - t.now, Duration()));
      t.discard_sent();
    }
    t.engine->abort(t.now, t.id);
    t.engine->abort_all_of(t.now, kPod);
    t.discard_sent();
    t.engine->freeze_rest(t.now, [](FrozenConnection&&) {});  // of another pod
    ASSERT_EQ(t.engine->connections() + t.engine->time_wait_entries(), 0u) << "byte " << head;
    ASSERT_EQ(t.pool->outstanding(), 0u) << "byte " << head;
  }
  EXPECT_GT(let_in, 500);
}

}  // namespace
}  // namespace weft::net
