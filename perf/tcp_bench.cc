#include "perf/tcp_bench.h"

#include <cstdio>
#include <cstdlib>

namespace weft::perf {

using namespace net;

namespace {

constexpr std::uint16_t kConnectionsPerPort = 50'000;  // of the source ports that there are for one destination
constexpr std::uint16_t kFirstPort = 80, kRecoveryPort = 8000, kLifePort = 9000;

TcpOptions options() {
  TcpOptions o;
  o.max_connections = 200'000;
  o.account_limit = o.memory_limit;
  return o;
}

// Not a measurement any more: what was to be counted did not happen.
void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "perf_tcp: %s\n", what);
  std::abort();
}

}  // namespace

std::size_t Burst::take(TcpEngine& from) {
  for (Packet packet; from.poll_output(pair_.now, &packet);) packets_.push_back(std::move(packet));
  return packets_.size();
}

void Burst::cross(InterfaceId pod) {
  arrivals_.clear();
  for (Packet& packet : packets_) {
    packet = pair_.arrive(std::move(packet));
    arrivals_.push_back(TcpPair::arrival_of(packet, pod));
  }
}

std::size_t Burst::give(TcpEngine& to) {
  const std::size_t n = packets_.size();
  for (std::size_t i = 0; i < n; ++i) to.input(pair_.now, std::move(packets_[i]), arrivals_[i]);
  packets_.clear();
  return n;
}

TcpBench::TcpBench(bool super_segments)
    : pair(options(), {.mtu = 1500, .max_gso_bytes = super_segments ? 65'535u : 0, .tso = super_segments}) {}

std::vector<PairedIds> TcpBench::open(std::size_t n) {
  std::vector<PairedIds> ids;
  for (std::size_t i = 0; i < n; ++i) {
    ids.push_back(pair.open(static_cast<std::uint16_t>(kFirstPort + i / kConnectionsPerPort)));
    if (i % 64 == 0) pass_time();
  }
  return ids;
}

void TcpBench::warm_up(std::span<const PairedIds> ids, std::size_t bytes) {
  DataCycles unused;
  for (int i = 0; i < 12; ++i) transfer(ids, bytes, unused);
}

// One turn: what a writes until b's ACKs have come back.
void TcpBench::transfer(std::span<const PairedIds> ids, std::size_t bytes, DataCycles& cycles) {
  prepare(ids.size(), bytes);
  double all = 0;
  // `work` says how many things it did.
  const auto stage = [&](Cycles& to, auto&& work) {
    std::size_t things = 0;
    Stopwatch watch;
    watch.run([&] { things = work(); });
    all += to.add(watch, things);
  };
  stage(cycles.send, [&] { return send_all(pair.a, ids, true); });
  stage(cycles.out, [&] { return burst_.take(pair.a); });
  require(burst_.size() != 0, "a window was closed");
  burst_.cross(TcpPair::kPodB);
  stage(cycles.in, [&] { return burst_.give(pair.b); });
  stage(cycles.read, [&] { return read_all(pair.b); });
  stage(cycles.ack_out, [&] { return burst_.take(pair.b); });
  burst_.cross(TcpPair::kPodA);
  stage(cycles.ack_in, [&] { return burst_.give(pair.a); });
  std::size_t size = 0;
  for (const ByteChain& chain : read_) size += chain.size();
  cycles.everything.add(all, size / kSegment);
  drain(ids);
  pass_time();
}

// What a window held back, and delayed ACKs, do not belong to the next turn.
void TcpBench::drain(std::span<const PairedIds> ids) {
  for (const PairedIds& id : ids) {
    while (true) {
      pair.exchange();
      read_all(pair.b);
      read_.clear();
      pair.exchange();
      if (pair.a.info(id.a).send_queue == 0) break;
      pair.advance_to_deadline();
    }
  }
  pair.discard_events();
}

void TcpBench::exchange(std::span<const PairedIds> ids, std::size_t bytes, ExchangeCycles& cycles) {
  double all = 0;
  const auto stage = [&](Cycles* to, std::size_t things, auto&& work) {
    Stopwatch watch;
    watch.run(work);
    Cycles none;
    all += (to != nullptr ? *to : none).add(watch, things);
  };
  for (const bool request : {true, false}) {
    TcpEngine& from = request ? pair.a : pair.b;
    TcpEngine& to = request ? pair.b : pair.a;
    prepare(ids.size(), bytes);
    stage(nullptr, ids.size(), [&] { send_all(from, ids, request); });
    stage(&cycles.out, ids.size(), [&] { burst_.take(from); });
    require(burst_.size() == ids.size(), "a small segment did not go at once");
    burst_.cross(request ? TcpPair::kPodB : TcpPair::kPodA);
    stage(&cycles.in, ids.size(), [&] { burst_.give(to); });
    stage(nullptr, ids.size(), [&] { read_all(to); });
    read_.clear();
  }
  cycles.everything.add(all, ids.size());
  pass_time();
}

void TcpBench::recover(std::size_t segments, RecoveryCycles& cycles) {
  const PairedIds ids[] = {pair.open(kRecoveryPort)};
  warm_up(ids, 64 * kSegment);
  prepare(1, segments * kSegment);
  send_all(pair.a, ids, true);
  burst_.take(pair.a);
  require(burst_.size() == segments, "a burst did not go at once");
  burst_.lose_first();
  burst_.cross(TcpPair::kPodB);
  const std::size_t behind = burst_.size();
  cycles.in.measure(behind, [&] { burst_.give(pair.b); });
  cycles.sack_out.measure(behind, [&] { burst_.take(pair.b); });
  require(burst_.size() == behind, "not every segment behind a hole was answered");
  burst_.cross(TcpPair::kPodA);
  cycles.sack_in.measure(behind, [&] { burst_.give(pair.a); });
  cycles.retransmit.measure(1, [&] { burst_.take(pair.a); });
  require(burst_.size() == 1 && pair.a.info(ids[0].a).retransmits == 1, "SACKs did not bring a retransmission");
  burst_.cross(TcpPair::kPodB);
  cycles.fill.measure(1, [&] { burst_.give(pair.b); });
  require(pair.b.readable(ids[0].b) == segments * kSegment, "the hole was not filled");
  pair.exchange();
  pair.a.abort(pair.now, ids[0].a);
  pair.exchange();
  pair.b.close(pair.now, ids[0].b);
  pair.discard_events();
  pass_time();
}

void TcpBench::live(int rounds, LifeCycles& cycles) {
  for (int i = 0; i < rounds; ++i) open_and_close(cycles);
  const std::size_t waiting = pair.a.time_wait_entries();
  require(waiting != 0, "nothing is in TIME-WAIT");
  pair.now = pair.now + Duration::seconds(100);
  cycles.expire.measure(waiting, [&] { pair.a.on_timer(pair.now); });
  require(pair.a.time_wait_entries() == 0, "TIME-WAIT did not end");
}

void TcpBench::open_and_close(LifeCycles& cycles) {
  constexpr std::size_t kAtOnce = 32;
  Stopwatch open_a, open_b, close_a, close_b;
  std::vector<ConnectionId> a, b;
  ConnectRequest request;
  request.key = {TcpPair::kWire, {IpAddress::v4(10, 0, 0, 1), 0}, {IpAddress::v4(10, 0, 0, 2), kLifePort}};
  request.pod = request.account = TcpPair::kPodA;
  const auto events_of = [&](TcpEngine& engine, auto&& on_event) {
    for (TcpEvent event; engine.poll_event(&event);) on_event(event);
  };
  const auto ignore = [](const TcpEvent&) {};
  const auto accept = [&](const TcpEvent& event) {
    b.push_back(event.id);
    pair.b.accept_syn(pair.now, event.id, TcpPair::kPodB);
  };
  open_a.run([&] {
    for (std::size_t i = 0; i < kAtOnce; ++i) a.push_back(*pair.a.connect(pair.now, request));
    burst_.take(pair.a);
  });
  burst_.cross(TcpPair::kPodB);
  open_b.run([&] { burst_.give(pair.b), events_of(pair.b, accept), burst_.take(pair.b); });
  burst_.cross(TcpPair::kPodA);
  open_a.run([&] { burst_.give(pair.a), events_of(pair.a, ignore), burst_.take(pair.a); });
  burst_.cross(TcpPair::kPodB);
  open_b.run([&] { burst_.give(pair.b), events_of(pair.b, ignore); });
  require(b.size() == kAtOnce, "a connection was not established");

  close_a.run([&] {
    for (ConnectionId id : a) pair.a.close(pair.now, id);
    burst_.take(pair.a);
  });
  burst_.cross(TcpPair::kPodB);
  close_b.run([&] {
    burst_.give(pair.b), events_of(pair.b, ignore);
    for (ConnectionId id : b) pair.b.close(pair.now, id);
    burst_.take(pair.b);
  });
  burst_.cross(TcpPair::kPodA);
  close_a.run([&] { burst_.give(pair.a), burst_.take(pair.a); });
  burst_.cross(TcpPair::kPodB);
  close_b.run([&] { burst_.give(pair.b); });
  cycles.open_a.add(open_a, kAtOnce);
  cycles.open_b.add(open_b, kAtOnce);
  cycles.close_a.add(close_a, kAtOnce);
  cycles.close_b.add(close_b, kAtOnce);
  pass_time();
}

// Segments of their own buffers, as they arrive from elsewhere; super-segments of TLS records.
ByteChain TcpBench::payload(std::size_t bytes) {
  ByteChain chain;
  const bool records = bytes >= 16'384;
  while (chain.size() < bytes) {
    Slice slice = Slice::allocate(records ? pair.large : pair.small, 0);
    const std::size_t whole = records ? 16'384 : kSegment;
    slice.append(static_cast<std::uint32_t>(std::min(bytes - chain.size(), whole)));
    chain.push_back(std::move(slice));
  }
  return chain;
}

void TcpBench::prepare(std::size_t n, std::size_t bytes) {
  payloads_.clear();
  while (payloads_.size() < n) payloads_.push_back(payload(bytes));
}

std::size_t TcpBench::send_all(TcpEngine& engine, std::span<const PairedIds> ids, bool from_a) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    engine.send(pair.now, from_a ? ids[i].a : ids[i].b, std::move(payloads_[i]));
  }
  return ids.size();
}

// What an owner does: events, and for each that can be read, receive().
std::size_t TcpBench::read_all(TcpEngine& engine) {
  for (TcpEvent event; engine.poll_event(&event);) {
    if (event.kind == TcpEventKind::kReadable) read_.push_back(engine.receive(pair.now, event.id, SIZE_MAX));
  }
  return read_.size();
}

void TcpBench::pass_time() {
  pair.now = pair.now + Duration::microseconds(100);
  pair.a.on_timer(pair.now);
  pair.b.on_timer(pair.now);
}

}  // namespace weft::perf
