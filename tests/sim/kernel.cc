#include "tests/sim/kernel.h"

#include <algorithm>

#include "base/bytes.h"
#include "tests/sim/datagram.h"

namespace weft::sim {

namespace {

constexpr InterfaceId kDevice = 1;
constexpr std::size_t kEthernet = 14;

std::uint64_t key_of(net::ConnectionId id) { return std::uint64_t{id.generation} << 32 | id.index; }

void give_back(Socket& s) {
  s.write(s.received);
  s.received.clear();
  if (s.eof()) s.finish();
}

}  // namespace

bool Socket::eof() const { return peer_closed && received.empty() && kernel->tcp().readable(id) == 0; }

void Socket::abort() {
  kernel->tcp().abort(kernel->now(), id);
  if (!closed) closed = net::CloseReason::kAborted;
}

Program echo() { return give_back; }

Program greet(std::string greeting) {
  return [greeting = std::move(greeting)](Socket& s) {
    if (s.established && s.bytes_written == 0 && s.unsent.empty()) s.write(greeting);
    give_back(s);
  };
}

Program swallow() {
  return [](Socket& s) {
    s.received.clear();
    if (s.eof()) s.finish();
  };
}

Kernel::Kernel(const Time& now, std::vector<IpAddress> addresses, const net::TcpOptions& tcp, std::uint64_t seed)
    : now_(now), addresses_(std::move(addresses)),
      tcp_(std::make_unique<net::TcpEngine>(tcp, headers_, Random(seed))) {
  tcp_->set_interface(kDevice, {1500, 65535, true});
}

Kernel::~Kernel() = default;

Socket& Kernel::add(net::ConnectionId id) {
  Socket& socket = sockets_.emplace_back();
  socket.kernel = this;
  socket.id = id;
  by_id_[key_of(id)] = &socket;
  return socket;
}

Socket& Kernel::connect(const Endpoint& to, std::uint16_t local_port) {
  net::ConnectRequest request;
  request.key.interface = request.pod = request.account = kDevice;
  request.key.remote = to;
  for (const IpAddress& own : addresses_) {
    if (own.is_v6() == to.address.is_v6()) request.key.local = {own, local_port};
  }
  request.connect_timeout = Duration::seconds(60);
  const auto id = tcp_->connect(now_, request);
  if (!id) {  // as connect(2) that fails at once
    Socket& failed = sockets_.emplace_back();
    failed.kernel = this;
    failed.remote = to;
    failed.closed = net::CloseReason::kUnreachable;
    return failed;
  }
  Socket& socket = add(*id);
  socket.local = tcp_->key(*id).local;
  socket.remote = to;
  return socket;
}

std::vector<Socket*> Kernel::accepted(std::uint16_t port) {
  std::vector<Socket*> all;
  for (Socket& socket : sockets_) {
    if (socket.local.port == port) all.push_back(&socket);
  }
  return all;
}

void Kernel::receive(Frame&& frame) {
  const std::uint16_t type = load_be16(frame.bytes.data() + 12);
  const std::uint8_t* ip = frame.bytes.data() + kEthernet;
  const bool tcp = (type == 0x0800 && ip[9] == 6) || (type == 0x86dd && ip[6] == 6);
  if (!tcp) return;  // the gateway's ARP and ND, ICMP: this kernel has no use for them
  Datagram datagram;
  datagram.bytes.assign(frame.bytes.begin() + kEthernet, frame.bytes.end());
  datagram.gso_size = frame.offload.gso == GsoType::kNone ? std::uint16_t{0} : frame.offload.gso_size;
  if (!frame.offload.needs_checksum && !checksum_ok(datagram)) {
    ++bad_checksums;
    return;
  }
  tcp_->input(now_, to_packet(datagram, large_), arrival_of(datagram, kDevice, kDevice));
}

bool Kernel::poll_frame(Frame* frame) {
  Packet packet;
  if (!tcp_->poll_output(now_, &packet)) return false;
  frame->bytes.assign(kEthernet + packet.bytes.size(), 0);
  std::copy(gateway_mac.bytes.begin(), gateway_mac.bytes.end(), frame->bytes.begin());
  std::copy(mac.bytes.begin(), mac.bytes.end(), frame->bytes.begin() + 6);
  packet.bytes.copy_to(0, MutableByteSpan(frame->bytes).subspan(kEthernet));
  store_be16(frame->bytes.data() + 12, frame->bytes[kEthernet] >> 4 == 6 ? 0x86dd : 0x0800);
  frame->offload = packet.offload;
  frame->offload.checksum_start = static_cast<std::uint16_t>(packet.offload.checksum_start + kEthernet);
  return true;
}

void Kernel::on_syn(net::ConnectionId id) {
  const net::FlowKey key = tcp_->key(id);
  ++syns_[key.local.port];
  const auto listener = listeners_.find(key.local.port);
  if (listener == listeners_.end()) return tcp_->refuse_syn(now_, id);
  if (listener->second == nullptr) return tcp_->drop_syn(id);
  Socket& socket = add(id);
  socket.local = key.local;
  socket.remote = key.remote;
  socket.program = listener->second;
  tcp_->accept_syn(now_, id, kDevice);
}

void Kernel::on_event(const net::TcpEvent& event) {
  if (event.kind == net::TcpEventKind::kSyn) return on_syn(event.id);
  const auto found = by_id_.find(key_of(event.id));
  if (found == by_id_.end()) return;
  Socket& socket = *found->second;
  switch (event.kind) {
    case net::TcpEventKind::kEstablished: socket.established = true; break;
    case net::TcpEventKind::kPeerClosed: socket.peer_closed = true; break;
    case net::TcpEventKind::kClosed:
      socket.closed = event.reason;
      break;
    default: break;
  }
}

bool Kernel::write_some(Socket& socket) {
  bool moved = false;
  while (!socket.unsent.empty()) {
    const std::size_t n = std::min({socket.unsent.size(), tcp_->send_space(socket.id), socket.write_at_once});
    if (n == 0) break;
    tcp_->send(now_, socket.id, ByteChain::copy_of(as_bytes(std::string_view(socket.unsent).substr(0, n)), frames_));
    socket.unsent.erase(0, n);
    socket.bytes_written += n;
    moved = true;
  }
  if (socket.unsent.empty() && socket.shut_when_sent && !socket.shut && socket.established) {
    tcp_->shutdown_send(now_, socket.id);
    socket.shut = moved = true;
  }
  return moved;
}

// One turn of a program: read, think, write. True: something moved.
bool Kernel::drive(Socket& socket) {
  if (!tcp_->exists(socket.id)) return false;
  bool moved = false;
  if (const std::size_t n = tcp_->readable(socket.id); n > 0 && socket.reading) {
    const ByteChain bytes = tcp_->receive(now_, socket.id, std::min(n, socket.read_at_once));
    const std::size_t before = socket.received.size();
    socket.received.resize(before + bytes.size());
    bytes.copy_to(0, {reinterpret_cast<std::uint8_t*>(socket.received.data()) + before, bytes.size()});
    socket.bytes_read += bytes.size();
    moved = true;
  }
  if (socket.program) socket.program(socket);
  if (!tcp_->exists(socket.id)) return true;
  if (!socket.closed && socket.established) moved |= write_some(socket);
  const bool read_all = tcp_->readable(socket.id) == 0;
  if ((socket.closed && read_all) || (socket.shut && socket.peer_closed && read_all)) {
    tcp_->close(now_, socket.id);
    if (!socket.closed) socket.closed = net::CloseReason::kOrderly;
    moved = true;
  }
  return moved;
}

bool Kernel::run() {
  bool moved = false;
  if (tcp_->deadline() <= now_) tcp_->on_timer(now_);
  for (net::TcpEvent event; tcp_->poll_event(&event); moved = true) on_event(event);
  for (auto it = by_id_.begin(); it != by_id_.end();) {
    moved |= drive(*it->second);
    it = tcp_->exists(it->second->id) ? std::next(it) : by_id_.erase(it);
  }
  return moved;
}

Time Kernel::deadline() const { return tcp_->deadline(); }

}  // namespace weft::sim
