#include "tests/conformance/scripts/script.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <stdexcept>

namespace script {

namespace {

constexpr std::uint32_t kPeerInitial = 0x1000'0000;

struct Place {
  const char* v4;
  const char* v6;
};
constexpr Place kLocal{"192.0.2.1", "2001:db8::1"}, kPeer{"198.51.100.7", "2001:db8:1::7"},
    kRouter{"203.0.113.1", "2001:db8:2::1"};

void put_address(const Place& place, std::uint8_t* to) {
  if (Script::family() == AF_INET6) inet_pton(AF_INET6, place.v6, to);
  else inet_pton(AF_INET, place.v4, to);
}

[[noreturn]] void fail(const std::string& what, Location where) {
  throw std::runtime_error(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": " + what);
}

}  // namespace

void check(bool holds, std::string_view what, Location where) {
  if (!holds) fail("not so: " + std::string(what), where);
}

Script::Script(Location where) {
  pd::StackConfig config;
  config.local_ip = family() == AF_INET6 ? kLocal.v6 : kLocal.v4;
  stack_ = pd::make_stack(config);
  check(stack_ != nullptr, "make_stack()", where);
  if (hands_over()) configure("handover", "1", where);
}

// ---- the peer

Flow Script::to_stack() const {
  Flow flow;
  flow.family = family();
  put_address(kPeer, flow.source.data());
  put_address(kLocal, flow.destination.data());
  flow.source_port = peer_port;
  flow.destination_port = local_port_;
  return flow;
}

Segment Script::from_peer(std::string_view text) const {
  Segment s = segment_of(text);
  const std::uint32_t first = s.has('S') ? s.seq : s.seq - 1;
  for (std::uint32_t i = 0; i < s.size; ++i) s.payload.push_back(pattern(first + i));
  s.seq += kPeerInitial;
  auto initial = initial_.find(peer_port);
  const std::uint32_t ours = initial != initial_.end() ? initial->second : 0;
  if (s.ack) *s.ack += ours;
  if (!s.options) return s;
  for (Option& option : *s.options) {
    if (option.name == "sack") {
      for (std::uint32_t& edge : option.values) edge += ours;
    }
    auto stamp = stamp_.find(peer_port);
    if (option.name == "TS" && !option.ecr && stamp != stamp_.end()) option.ecr = stamp->second;
  }
  return s;
}

void Script::inject(const Bytes& datagram, Location where) {
  collect();
  if (!sent_.empty()) fail("came before: " + text_of(next_sent(where)), where);
  stack_->input(now_, datagram.data(), datagram.size());
}

void Script::in(std::string_view segment, Location where) { inject(datagram(segment), where); }

Bytes Script::fragment(std::string_view segment, std::size_t from, std::size_t to) const {
  return fragment_of(to_stack(), datagram(segment), from, to);
}

void Script::in_fragments(std::string_view segment, std::size_t bytes, Location where) {
  const std::size_t size = datagram(segment).size() - to_stack().header_bytes();
  for (std::size_t at = 0; at < size; at += bytes) inject(fragment(segment, at, at + bytes), where);
}

void Script::in_with_bad_checksum(std::string_view segment, Location where) {
  Bytes spoiled = datagram(segment);
  spoiled.back() ^= 1;
  inject(spoiled, where);
}

void Script::icmp(IcmpType v4, IcmpType v6, std::uint32_t rest) {
  collect();
  Flow flow = to_stack();
  put_address(kRouter, flow.source.data());
  const IcmpType is = family() == AF_INET6 ? v6 : v4;
  inject(icmp_error(flow, is.type, is.code, rest, last_sent_), Location::current());
}

void Script::quote_sequence(std::uint32_t seq) {
  const std::uint32_t absolute = seq + isn();
  for (unsigned i = 0; i < 4; ++i) {
    last_sent_[to_stack().header_bytes() + 4 + i] = static_cast<std::uint8_t>(absolute >> (24 - 8 * i));
  }
}

// ---- the stack

void Script::collect() {
  for (Bytes datagram; stack_->output(now_, &datagram);) sent_.push_back({now_, datagram});
}

Segment Script::next_sent(Location where) {
  const Bytes datagram = std::move(sent_.front().datagram);
  sent_.pop_front();
  last_sent_ = datagram;
  Flow flow;
  std::optional<Segment> s = parse_datagram(datagram, &flow);
  if (!s) fail("no sound TCP datagram was sent", where);
  if (flow.destination_port != peer_port) fail("sent to port " + std::to_string(flow.destination_port), where);
  if (s->has('S')) initial_[peer_port] = s->seq;
  local_port_ = flow.source_port;
  s->seq -= initial_[peer_port];
  if (s->ack) *s->ack -= kPeerInitial;
  for (Option& option : *s->options) {
    if (option.name == "TS") stamp_[peer_port] = *option.val;
    if (option.name != "sack") continue;
    for (std::uint32_t& edge : option.values) edge -= kPeerInitial;
  }
  return std::move(*s);
}

void Script::match(std::string_view expected, const Segment& sent, Location where) const {
  const Segment want = segment_of(expected);
  bool same = want.flags == sent.flags && want.seq == sent.seq && want.size == sent.size;
  same = same && (!want.ack || want.ack == sent.ack) && (!want.window || want.window == sent.window);
  if (want.options) {
    same = same && want.options->size() == sent.options->size();
    for (std::size_t i = 0; same && i < want.options->size(); ++i) {
      const Option& a = (*want.options)[i];
      const Option& b = (*sent.options)[i];
      same = a.name == b.name && (a.values.empty() || a.values == b.values) && (!a.ecr || a.ecr == b.ecr);
    }
  }
  for (std::uint32_t i = 0; same && i < sent.size; ++i) same = sent.payload[i] == pattern(sent.seq - 1 + i);
  if (!same) fail("expected " + std::string(expected) + "\n    but came " + text_of(sent), where);
}

void Script::out(std::string_view segment, Location where) {
  collect();
  if (sent_.empty()) fail("expected " + std::string(segment) + "\n    but nothing came", where);
  match(segment, next_sent(where), where);
}

bool Script::step(pd::Time until) {
  const pd::Time next = stack_->deadline();
  const bool more = next <= until;
  now_ = std::max(now_, more ? next : until);
  stack_->on_timer(now_);
  collect();
  return more;
}

void Script::out_after(std::int64_t ms, std::string_view segment, Location where) {
  collect();
  const pd::Time due = now_ + ms * 1000;
  while (sent_.empty() && step(due + 1000)) {}
  if (sent_.empty()) fail("expected " + std::string(segment) + "\n    but nothing came in time", where);
  if (sent_.front().at < due - 1000 || sent_.front().at > due + 1000) {
    const std::int64_t early = (due - sent_.front().at) / 1000;
    fail("came " + std::to_string(early) + " ms early: " + text_of(next_sent(where)), where);
  }
  match(segment, next_sent(where), where);
}

void Script::silent_for(std::int64_t ms, Location where) {
  collect();
  const pd::Time end = now_ + ms * 1000;
  while (sent_.empty() && step(end)) {}
  if (sent_.empty()) return;
  const std::int64_t early = (end - sent_.front().at) / 1000;
  fail("came " + std::to_string(early) + " ms before the end: " + text_of(next_sent(where)), where);
}

void Script::out_icmp(IcmpType v4, IcmpType v6, Location where) {
  collect();
  if (sent_.empty()) fail("expected an ICMP error, but nothing came", where);
  const Bytes error = std::move(sent_.front().datagram);
  sent_.pop_front();
  const bool six = family() == AF_INET6;
  const std::size_t at = six ? 40 : 20;
  const IcmpType want = six ? v6 : v4;
  check(error.at(six ? 6 : 9) == (six ? 58 : 1), "an ICMP error", where);
  check(error.at(at) == want.type && error.at(at + 1) == want.code, "its type and code", where);
}

void Script::finish() {
  collect();
  if (!sent_.empty()) fail("at the end came " + text_of(next_sent(Location::current())), Location::current());
}

}  // namespace script
