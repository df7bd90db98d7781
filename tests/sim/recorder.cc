#include "tests/sim/recorder.h"

#include "absl/strings/str_format.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/tcp_segment.h"

namespace weft::sim {

namespace {

std::string flags_of(std::uint8_t flags) {
  static constexpr char kLetters[] = "FSRPAUEC";
  std::string text;
  for (const int i : {1, 0, 2, 3, 4, 5, 6, 7}) {
    if ((flags >> i & 1) != 0) text += kLetters[i];
  }
  return text.empty() ? "none" : text;
}

std::string host_name(const IpAddress& address) {
  const int last = address.data()[address.size() - 1];
  return last == 254 ? "router" : absl::StrFormat("h%d", last - 1);
}

}  // namespace

void Recorder::note(Time now, const std::string& text) {
  absl::StrAppendFormat(&trace_, "%.6f %s\n", static_cast<double>((now - begin_).ns()) / 1e9, text);
}

void Recorder::name(const Endpoint& a, const Endpoint& b, int connection) {
  names_[{a.to_string(), b.to_string()}] = names_[{b.to_string(), a.to_string()}] = connection;
}

void Recorder::on_link(Time now, int host, Direction direction, const Datagram& datagram, Fates fates) {
  if (direction == kUp) captures_[static_cast<std::size_t>(host)].write(now, datagram.bytes);
  if (direction == kDown && fates == 0) return;
  const std::string who = direction == kUp ? absl::StrFormat("h%d sends ", host) : "router to ";
  const std::string fate = fates == 0 ? "" : " | " + to_string(fates);
  note(now, who + (direction == kUp ? "" : absl::StrFormat("h%d ", host)) + describe(datagram) + fate);
}

void Recorder::on_too_big(Time now, int host, Direction direction, const Datagram& datagram, std::uint32_t mtu,
                          bool silent) {
  if (direction == kUp) captures_[static_cast<std::size_t>(host)].write(now, datagram.bytes);
  note(now, absl::StrFormat("%s h%d %s | too big for %u%s", direction == kUp ? "from" : "router to", host,
                            describe(datagram), mtu, silent ? ", silently lost" : ""));
}

void Recorder::on_arrival(Time now, int host, const Datagram& datagram) {
  captures_[static_cast<std::size_t>(host)].write(now, datagram.bytes);
  note(now, absl::StrFormat("h%d gets %s", host, describe(datagram)));
}

std::vector<std::string> Recorder::save(const std::string& prefix) const {
  std::vector<std::string> paths;
  for (std::size_t host = 0; host < captures_.size(); ++host) {
    const std::string path = absl::StrFormat("%s-h%d.pcap", prefix, host);
    if (captures_[host].save(path)) paths.push_back(path);
  }
  return paths;
}

std::string Recorder::describe(const Datagram& datagram) {
  const auto ip = net::parse_ip(datagram.bytes, datagram.bytes.size());
  if (!ip) return absl::StrFormat("%d bytes that are no datagram", datagram.bytes.size());
  if (ip->protocol == net::kProtocolTcp) return describe_tcp(datagram, ip->header_bytes);
  const bool icmp = ip->protocol == net::kProtocolIcmp || ip->protocol == net::kProtocolIcmp6;
  return absl::StrFormat("%s>%s %s of %d bytes", host_name(ip->source), host_name(ip->destination),
                         icmp ? "ICMP" : absl::StrFormat("protocol %d", ip->protocol), datagram.bytes.size());
}

std::string Recorder::describe_tcp(const Datagram& datagram, std::size_t ip_size) {
  const ByteSpan bytes(datagram.bytes);
  net::TcpSegment s;
  const auto ip = net::parse_ip(bytes, bytes.size());
  if (!net::parse_tcp(bytes.subspan(ip_size), &s)) return "TCP with a broken header";
  const std::string from = Endpoint{ip->source, load_be16(&bytes[ip_size])}.to_string();
  const std::string to = Endpoint{ip->destination, load_be16(&bytes[ip_size + 2])}.to_string();
  const Ends ends{from, to}, back{to, from};
  if (s.is(net::kSyn) && !datagram.corrupted) initial_[ends] = s.seq.raw();
  const auto named = names_.find(ends);
  const std::string name = named == names_.end() ? from + ">" + to : absl::StrFormat("c%d", named->second);
  const std::size_t text = bytes.size() - ip_size - s.header_size;
  const std::uint32_t seq = relative(ends, s.seq.raw());
  std::string line = absl::StrFormat("%s %s>%s %s seq %u", name, host_name(ip->source), host_name(ip->destination),
                                     flags_of(s.flags), seq);
  if (text != 0) absl::StrAppendFormat(&line, ":%u", seq + text);
  if (s.is(net::kAck)) absl::StrAppendFormat(&line, " ack %u", relative(back, s.ack.raw()));
  absl::StrAppendFormat(&line, " win %d len %d", s.window, text);
  if (s.mss != 0) absl::StrAppendFormat(&line, " mss %d", s.mss);
  if (s.sack_permitted) line += " sack-permitted";
  for (std::size_t i = 0; i < s.sack_count; ++i) {
    absl::StrAppendFormat(&line, "%s%u:%u", i == 0 ? " sack " : ",", relative(back, s.sack[i].left.raw()),
                          relative(back, s.sack[i].right.raw()));
  }
  if (s.has_timestamps) absl::StrAppendFormat(&line, " ts %u/%u", s.tsval, s.tsecr);
  if (s.window_scale != net::kNoWindowScale) absl::StrAppendFormat(&line, " scale %d", s.window_scale);
  if (ip->ecn == 3) line += " CE";
  return line;
}

std::uint32_t Recorder::relative(const Ends& ends, std::uint32_t sequence) const {
  const auto initial = initial_.find(ends);
  return initial == initial_.end() ? sequence : sequence - initial->second;
}

}  // namespace weft::sim
