#include "tests/builders/tcp_pair.h"

#include <algorithm>
#include <cstdlib>

#include "base/bytes.h"

namespace weft::testing {

using namespace net;

TcpPair::TcpPair(const TcpOptions& options, const TcpEngine::Interface& wire)
    : a(options, headers, Random(1)), b(options, headers, Random(2)) {
  a.set_interface(kWire, wire);
  b.set_interface(kWire, wire);
}

Packet TcpPair::arrive(Packet&& sent) {
  Packet arrived;
  arrived.offload.gso = sent.offload.gso;
  arrived.offload.gso_size = sent.offload.gso_size;
  arrived.offload.checksum_verified = true;
  arrived.interface = kWire;
  BufferPool& pool = sent.bytes.size() <= small.buffer_capacity() ? small : large;
  Slice to = Slice::allocate(pool, 0);
  for (const Slice& from : sent.bytes) {
    for (ByteSpan rest = from.bytes(); !rest.empty();) {
      if (to.tailroom() == 0) arrived.bytes.push_back(std::exchange(to, Slice::allocate(pool, 0)));
      const std::size_t n = std::min<std::size_t>(rest.size(), to.tailroom());
      to.append(rest.first(n));
      rest = rest.subspan(n);
    }
  }
  arrived.bytes.push_back(std::move(to));
  sent = Packet();
  return arrived;
}

TcpArrival TcpPair::arrival_of(const Packet& packet, InterfaceId pod) {
  const std::uint8_t* p = packet.bytes.front().data();
  TcpArrival arrival;
  arrival.key = {kWire, {IpAddress::v4(p + 16), load_be16(p + 22)}, {IpAddress::v4(p + 12), load_be16(p + 20)}};
  arrival.pod = pod;
  arrival.tcp_offset = 20;
  return arrival;
}

PairedIds TcpPair::open(std::uint16_t port) {
  ConnectRequest request;
  request.key = {kWire, {IpAddress::v4(10, 0, 0, 1), 0}, {IpAddress::v4(10, 0, 0, 2), port}};
  request.pod = request.account = kPodA;
  const auto id = a.connect(now, request);
  if (!id) std::abort();
  exchange();
  PairedIds opened{*id, {}};
  for (TcpEvent event; b.poll_event(&event);) {
    if (event.kind != TcpEventKind::kSyn) continue;
    b.accept_syn(now, event.id, kPodB);
    opened.b = event.id;
  }
  exchange();
  discard_events();
  return opened;
}

void TcpPair::exchange(double loss) {
  for (bool any = true; any;) any = carry(a, b, kPodB, loss) | carry(b, a, kPodA, loss);
}

bool TcpPair::carry(TcpEngine& from, TcpEngine& to, InterfaceId pod, double loss) {
  bool any = false;
  for (Packet packet; from.poll_output(now, &packet); any = true) {
    if (random.chance(loss)) continue;
    Packet arrived = arrive(std::move(packet));
    const TcpArrival arrival = arrival_of(arrived, pod);
    to.input(now, std::move(arrived), arrival);
  }
  return any;
}

void TcpPair::advance_to_deadline() {
  const Time deadline = std::min(a.deadline(), b.deadline());
  if (deadline.is_never()) return;
  now = std::max(now, deadline);
  a.on_timer(now);
  b.on_timer(now);
}

void TcpPair::discard_events() {
  for (TcpEvent event; a.poll_event(&event);) {}
  for (TcpEvent event; b.poll_event(&event);) {}
}

}  // namespace weft::testing
