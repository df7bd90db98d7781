#include "tests/sim/wire.h"

#include "dataplane/net/icmp.h"
#include "tests/sim/recorder.h"

namespace weft::sim {

namespace {

constexpr int kRouter = 253;  // its address is that of a host with this number

std::vector<std::array<Link, 2>> make_links(const std::vector<std::array<LinkOptions, 2>>& options, Random& random) {
  std::vector<std::array<Link, 2>> links;
  for (const auto& [up, down] : options) {
    const Random first(random.next()), second(random.next());
    links.push_back({Link(up, first), Link(down, second)});
  }
  return links;
}

}  // namespace

IpAddress address_of(int host, bool v6) {
  const auto number = static_cast<std::uint8_t>(host + 1);
  if (!v6) return IpAddress::v4(10, 0, 0, number);
  std::uint8_t bytes[16] = {0xfd};
  bytes[15] = number;
  return IpAddress::v6(bytes);
}

SimulatedWire::SimulatedWire(const std::vector<std::array<LinkOptions, 2>>& links, Random random, Recorder* recorder)
    : links_(make_links(links, random)), recorder_(recorder) {}

void SimulatedWire::send(Time now, int host, Datagram&& datagram) {
  ++datagrams_;
  pass(now, host, kUp, std::move(datagram));
}

void SimulatedWire::pass(Time now, int host, Direction direction, Datagram&& datagram) {
  Link& l = link(host, direction);
  if (!l.fits(datagram)) {
    if (recorder_ != nullptr) recorder_->on_too_big(now, host, direction, datagram, l.mtu(), black_hole_);
    if (!black_hole_) report_too_big(now, l.mtu(), datagram);
    return;
  }
  const Datagram copy = recorder_ != nullptr ? datagram : Datagram();
  const Fates fates = l.carry(now, std::move(datagram), copies_);
  if (recorder_ != nullptr) recorder_->on_link(now, host, direction, copy, fates);
  for (Link::Copy& c : copies_) flying_.push({c.at, order_++, host, direction, std::move(c.datagram)});
  copies_.clear();
}

bool SimulatedWire::poll(Time now, Arrival* arrival) {
  while (!flying_.empty() && flying_.top().at <= now) {
    InFlight arrived = flying_.top();
    flying_.pop();
    if (arrived.direction == kUp) {
      route(arrived.at, std::move(arrived.datagram));
      continue;
    }
    *arrival = {arrived.host, std::move(arrived.datagram)};
    return true;
  }
  return false;
}

// A router drops what its header's checksum disproves, and sends the rest wherever it says.
void SimulatedWire::route(Time now, Datagram&& datagram) {
  const auto ip = net::parse_ip(datagram.bytes, datagram.bytes.size());
  const int host = ip ? host_at(ip->destination) : -1;
  if (host >= 0) return pass(now, host, kDown, std::move(datagram));
  if (recorder_ != nullptr) recorder_->note(now, "router: drops what it cannot route");
}

// RFC 1191, 4; RFC 4443, 3.2. The error takes the sender's own link down, with all that happens there.
void SimulatedWire::report_too_big(Time now, std::uint32_t mtu, const Datagram& datagram) {
  const auto ip = net::parse_ip(datagram.bytes, datagram.bytes.size());
  if (!ip || !net::may_answer_with_error(datagram.bytes, *ip)) return;
  const int host = host_at(ip->source);
  if (host < 0) return;
  const Packet original = to_packet(datagram, pool_);
  const Packet error = net::make_icmp_error(pool_, net::IcmpReason::kTooBig, mtu, address_of(kRouter, ip->v6),
                                            original.bytes, *ip);
  pass(now, host, kDown, flatten(error));
}

void SimulatedWire::set_mtu(int host, std::uint32_t mtu) {
  for (Direction d : {kUp, kDown}) link(host, d).set_mtu(mtu);
}

int SimulatedWire::host_at(const IpAddress& address) const {
  for (int host = 0; host < static_cast<int>(links_.size()); ++host) {
    if (address == address_of(host, address.is_v6())) return host;
  }
  return -1;
}

}  // namespace weft::sim
