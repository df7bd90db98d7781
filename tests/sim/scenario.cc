#include "tests/sim/scenario.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_format.h"

namespace weft::sim {

namespace {

std::uint32_t between(Random& random, std::uint32_t least, std::uint32_t most) {
  return least + static_cast<std::uint32_t>(random.below(most - least + 1));
}
Duration ms_between(Random& random, std::uint32_t least, std::uint32_t most) {
  return Duration::milliseconds(between(random, least, most));
}
Duration us_between(Random& random, std::uint32_t least, std::uint32_t most) {
  return Duration::microseconds(between(random, least, most));
}
template <typename T>
T one_of(Random& random, std::initializer_list<T> choices) {
  return choices.begin()[random.below(choices.size())];
}
double fraction(Random& random, double least, double most) {
  return least + (most - least) * static_cast<double>(random.below(1001)) / 1000;
}

// ---- hosts

// Buffers of every size; tiny ones make windows close.
void choose_buffers(Random& random, net::TcpOptions& o) {
  if (random.chance(0.3)) o.receive_buffer_initial = between(random, 2000, 22'000);
  if (random.chance(0.2)) o.receive_buffer_max = std::max(o.receive_buffer_initial, between(random, 4000, 60'000));
  if (random.chance(0.3)) o.send_buffer_max = between(random, 5000, 105'000);
  if (random.chance(0.1)) o.account_limit = between(random, 200'000, 600'000);
}

void choose_extensions(Random& random, net::TcpOptions& o) {
  o.timestamps = random.chance(0.8);
  o.sack = random.chance(0.75);
  o.window_scale = random.chance(0.8);
  o.nagle = random.chance(0.2);
  o.ecn = one_of(random, {net::EcnMode::kOff, net::EcnMode::kAlways, net::EcnMode::kWhenAsked});
  o.congestion = one_of(random, {net::CongestionAlgorithm::kCubic, net::CongestionAlgorithm::kNewReno});
  o.delayed_ack = Duration::milliseconds(one_of(random, {10, 40, 200}));
  o.quick_acks = one_of(random, {0u, 8u});
}

// The wire is bad, not dead: whoever must not give up has the patience for it.
void choose_patience(Random& random, bool mortal, net::TcpOptions& o) {
  o.rto_max = Duration::seconds(8);
  o.retries = o.syn_ack_retries = o.orphan_retries = 40;
  if (!mortal) return;
  o.retries = between(random, 3, 8);
  o.syn_ack_retries = between(random, 2, 5);
  o.orphan_retries = between(random, 2, 5);
  if (random.chance(0.3)) o.user_timeout = ms_between(random, 2000, 30'000);
  // Without keepalive nobody who only listens would learn that the other is gone.
  o.keepalive_idle = ms_between(random, 5000, 20'000);
  o.keepalive_interval = ms_between(random, 1000, 3000);
  o.keepalive_probes = between(random, 3, 6);
  if (!random.chance(0.2)) return;
  o.syn_queue_per_pod = between(random, 1, 2);
  o.syn_cookies = random.chance(0.5);
}

HostOptions host_of(Random& random, bool mortal, bool v6) {
  HostOptions host;
  choose_buffers(random, host.tcp);
  choose_extensions(random, host.tcp);
  choose_patience(random, mortal, host.tcp);
  if (random.chance(0.3)) host.mtu = one_of(random, {v6 ? 1280u : 576u, 1280u, 1400u, 9000u});
  if (random.chance(0.2)) host.gso_bytes = between(random, 9000, 30'000);
  if (random.chance(0.6)) host.merge = fraction(random, 0.3, 1);
  return host;
}

// ---- links

void choose_losses(Random& random, LinkOptions& link) {
  link.loss = one_of(random, {0.0, 0.0, 0.001, 0.01, 0.05});
  if (random.chance(0.2)) {
    link.burst_begin = fraction(random, 0.001, 0.01);
    link.burst_end = fraction(random, 0.15, 0.6);
  }
  if (random.chance(0.3)) link.duplicate = 0.02;
  if (random.chance(0.25)) link.corrupt = fraction(random, 0.001, 0.02);
  if (random.chance(0.2)) link.mark = 0.05;
}

LinkOptions link_of(Random& random) {
  LinkOptions link;
  choose_losses(random, link);
  link.delay = us_between(random, 10, random.chance(0.5) ? 1000 : 25'000);
  if (random.chance(0.3)) link.jitter = us_between(random, 10, 5000);
  if (random.chance(0.3)) {
    link.reorder = fraction(random, 0.02, 0.2);
    link.reorder_by = us_between(random, 10, 20'000);
  }
  if (random.chance(0.3)) link.bytes_per_second = between(random, 100'000, 5'000'000);
  link.queue_bytes = between(random, 20'000, 200'000);
  if (random.chance(0.3)) link.batch = us_between(random, 20, 2000);
  return link;
}

std::uint32_t path_mtu(Random& random, bool v6) {
  return random.chance(0.5) ? between(random, v6 ? 1280 : 576, 1500) : one_of(random, {1280u, 1400u, 1500u, 9000u});
}

// ---- connections

ProgramOptions program_of(Random& random, bool mortal) {
  ProgramOptions p;
  p.bytes = static_cast<std::uint32_t>(random.below(random.chance(0.2) ? 400'000 : 60'000));
  p.largest_write = between(random, 1, random.chance(0.3) ? 200 : 50'000);
  p.largest_read = between(random, 1, random.chance(0.3) ? 2000 : 200'000);
  if (random.chance(0.2)) p.read_pause = ms_between(random, 0, 50);
  // Windows that stay closed until probes have backed off.
  if (random.chance(0.05)) {
    p.read_pause = ms_between(random, 500, 5000);
    p.largest_read = between(random, 10'000, 200'000);
  }
  p.half_close = random.chance(0.7);
  if (random.chance(0.3)) p.ending = Ending::kLeaves;
  if (mortal && random.chance(0.3)) p.ending = one_of(random, {Ending::kAborts, Ending::kQuits});
  p.ends_after = static_cast<std::uint32_t>(random.below(p.bytes + 1));
  return p;
}

ConnectionPlan connection_of(Random& random, int hosts, bool mortal, bool v6) {
  ConnectionPlan plan;
  // Host 0 serves most: its link is the bottleneck that they share.
  plan.server = random.chance(0.7) ? 0 : static_cast<int>(random.below(static_cast<std::uint64_t>(hosts)));
  plan.client = static_cast<int>(random.below(static_cast<std::uint64_t>(hosts) - 1));
  if (plan.client >= plan.server) ++plan.client;
  plan.begins = random.chance(0.5) ? Duration() : ms_between(random, 0, 500);
  plan.v6 = v6 && random.chance(0.5);
  plan.simultaneous = random.chance(0.1);
  for (ProgramOptions& p : plan.programs) p = program_of(random, mortal);
  // One of them must begin to close.
  if (!plan.programs[0].half_close) plan.programs[1].half_close = true;
  // A cookie's handshake is complete with the client's first text.
  if (plan.programs[0].bytes == 0) plan.programs[0].bytes = 1;
  return plan;
}

// ---- changes

void add_flap(Random& random, Scenario& s, int host, bool for_good) {
  const Duration begins = ms_between(random, 0, 3000);
  const Duration lasts = ms_between(random, 20, random.chance(0.7) ? 1500 : 15'000);
  const std::uint64_t which = random.below(3);  // up, down, both
  for (const ChangeKind kind : {ChangeKind::kUpDown, ChangeKind::kDownDown}) {
    if (which == (kind == ChangeKind::kUpDown ? 1u : 0u)) continue;
    s.changes.push_back({begins, kind, host, 1});
    if (!for_good) s.changes.push_back({begins + lasts, kind, host, 0});
  }
}

void add_changes(Random& random, Scenario& s, bool v6) {
  const auto any_host = [&] { return static_cast<int>(random.below(s.hosts.size())); };
  if (random.chance(0.3)) {
    for (std::uint32_t n = between(random, 1, 4); n > 0; --n) {
      s.changes.push_back({ms_between(random, 0, 2000), ChangeKind::kPathMtu, any_host(), path_mtu(random, v6)});
    }
  }
  if (random.chance(0.1)) {
    s.changes.push_back({ms_between(random, 0, 2000), ChangeKind::kHostMtu, any_host(), path_mtu(random, v6)});
  }
  if (random.chance(0.3)) add_flap(random, s, any_host(), false);
  if (s.mortal && random.chance(0.2)) {
    s.changes.push_back({ms_between(random, 0, 3000), ChangeKind::kRestart, any_host(), 0});
  }
  if (s.mortal && random.chance(0.4)) add_flap(random, s, any_host(), true);
}

// Routers fall silent, and a path narrows. To find out takes four timeouts, or eight below 1200 bytes, of 8 s at most.
void add_black_hole(Random& random, Scenario& s, bool v6) {
  const Duration at = ms_between(random, 0, 1000);
  const int host = static_cast<int>(random.below(s.hosts.size()));
  s.changes.push_back({at, ChangeKind::kBlackHole, host, 1});
  s.changes.push_back({at, ChangeKind::kPathMtu, host, between(random, v6 || random.chance(0.7) ? 1280 : 576, 1480)});
}

// Some are followed by others between the same ports. Not where connections end by resets: these leave no TIME-WAIT,
// and without timestamps nothing would tell the old connection's segments from the new one's (RFC 9293, 3.4.3).
void add_followers(Random& random, Scenario& s) {
  if (s.mortal || !random.chance(0.3)) return;
  for (int i = 0; i < static_cast<int>(s.connections.size()) && s.connections.size() < 10; ++i) {
    if (random.chance(0.5)) continue;
    ConnectionPlan next = s.connections[static_cast<std::size_t>(i)];
    if (next.simultaneous) continue;
    next.after = i;
    for (ProgramOptions& p : next.programs) p.bytes = between(random, 1, 30'000);
    s.connections.push_back(next);
  }
}

std::string describe(const LinkOptions& l) {
  return absl::StrFormat("%.2f+%.2f ms, loss %.3f, bursts %.3f/%.2f, reorder %.2f by %.1f ms, twice %.2f, "
                         "corrupt %.3f, mark %.2f, %u B/s, queue %u, mtu %u, batch %.2f ms",
                         static_cast<double>(l.delay.us()) / 1e3, static_cast<double>(l.jitter.us()) / 1e3, l.loss,
                         l.burst_begin, l.burst_end, l.reorder, static_cast<double>(l.reorder_by.us()) / 1e3,
                         l.duplicate, l.corrupt, l.mark, l.bytes_per_second, l.queue_bytes, l.mtu,
                         static_cast<double>(l.batch.us()) / 1e3);
}

std::string describe(const HostOptions& h) {
  const net::TcpOptions& o = h.tcp;
  const bool cubic = o.congestion == net::CongestionAlgorithm::kCubic;
  return absl::StrFormat("mtu %u, gso %u, merge %.2f, ts %d sack %d scale %d nagle %d ecn %d %s, receive %u to %u, "
                         "send %u, account %u, delayed ACK %d ms, retries %d/%d/%d, user timeout %d ms",
                         h.mtu, h.gso_bytes, h.merge, o.timestamps, o.sack, o.window_scale, o.nagle,
                         static_cast<int>(o.ecn), cubic ? "cubic" : "newreno",
                         o.receive_buffer_initial, o.receive_buffer_max, o.send_buffer_max, o.account_limit,
                         o.delayed_ack.ms(), o.retries, o.syn_ack_retries, o.orphan_retries, o.user_timeout.ms());
}

std::string describe(const ProgramOptions& p) {
  static constexpr const char* kEndings[] = {"waits", "leaves", "aborts", "quits"};
  return absl::StrFormat("%u bytes, writes %u, reads %u every %d ms, %s, %s", p.bytes, p.largest_write, p.largest_read,
                         p.read_pause.ms(), p.half_close ? "half-closes" : "closes second",
                         kEndings[static_cast<int>(p.ending)]);
}

}  // namespace

Scenario scenario_of(std::uint64_t seed) {
  Random random(seed * 0x9e3779b97f4a7c15u + 1);
  Scenario s;
  s.mortal = random.chance(0.25);
  const bool v6 = random.chance(0.5);
  const int hosts = random.chance(0.4) ? 2 : static_cast<int>(between(random, 3, 5));
  for (int i = 0; i < hosts; ++i) {
    s.hosts.push_back(host_of(random, s.mortal, v6));
    s.links.push_back({link_of(random), link_of(random)});
    if (random.chance(0.2)) s.links.back()[kUp].mtu = s.links.back()[kDown].mtu = path_mtu(random, v6);
  }
  for (std::uint32_t n = random.chance(0.4) ? 1 : between(random, 2, 6); n > 0; --n) {
    s.connections.push_back(connection_of(random, hosts, s.mortal, v6));
  }
  const auto earlier = [](const ConnectionPlan& a, const ConnectionPlan& b) { return a.begins < b.begins; };
  std::stable_sort(s.connections.begin(), s.connections.end(), earlier);
  add_followers(random, s);
  add_changes(random, s, v6);
  if (random.chance(0.5)) s.hand_over = fraction(random, 0.002, 0.05);
  if (random.chance(0.1)) add_black_hole(random, s, v6);
  const auto sooner = [](const Change& a, const Change& b) { return a.at < b.at; };
  std::stable_sort(s.changes.begin(), s.changes.end(), sooner);
  return s;
}

std::string describe(const Change& c) {
  static constexpr const char* kTexts[] = {"path MTU",       "black hole:",     "interface MTU",
                                           "link up down:", "link down down:", "restarts"};
  return absl::StrFormat("h%d %s %u", c.host, kTexts[static_cast<int>(c.kind)], c.value);
}

std::string describe(const Scenario& s) {
  std::string text = s.mortal ? "connections may fail\n" : "every byte must arrive\n";
  if (s.hand_over > 0) absl::StrAppendFormat(&text, "hosts hand over in %.1f %% of the steps\n", s.hand_over * 100);
  for (std::size_t i = 0; i < s.hosts.size(); ++i) {
    absl::StrAppendFormat(&text, "h%d %s\n   up   %s\n   down %s\n", i, describe(s.hosts[i]), describe(s.links[i][kUp]),
                          describe(s.links[i][kDown]));
  }
  for (std::size_t i = 0; i < s.connections.size(); ++i) {
    const ConnectionPlan& c = s.connections[i];
    absl::StrAppendFormat(&text, "c%d h%d to h%d %s%s at %d ms%s\n   client %s\n   server %s\n", i, c.client, c.server,
                          c.v6 ? "IPv6" : "IPv4", c.simultaneous ? ", both open," : "", c.begins.ms(),
                          c.after < 0 ? "" : absl::StrFormat(" after c%d", c.after),
                          describe(c.programs[0]), describe(c.programs[1]));
  }
  for (const Change& c : s.changes) absl::StrAppendFormat(&text, "at %d ms %s\n", c.at.ms(), describe(c));
  return text;
}

}  // namespace weft::sim
