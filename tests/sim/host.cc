#include "tests/sim/host.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "dataplane/net/icmp.h"
#include "tests/sim/recorder.h"

namespace weft::sim {

namespace {

constexpr InterfaceId kWire = 7;
InterfaceId pod_of(int host) { return static_cast<InterfaceId>(101 + host); }

}  // namespace

Host::Host(int number, const HostOptions& options, Random random, Recorder* recorder)
    : number_(number), options_(options), random_(random), engine_seed_(random_.next()), recorder_(recorder) {
  make_engine();
}

void Host::make_engine() {
  engine_ = std::make_unique<net::TcpEngine>(options_.tcp, headers_, Random(engine_seed_));
  set_mtu(options_.mtu);
}

void Host::restart(Time now) {
  arrived_.clear();
  leaving_.clear();
  for (const auto& program : programs_) {
    if (!program->gone()) program->vanish();
  }
  by_id_.clear();
  engine_seed_ = random_.next();
  make_engine();
  now_ = now;
}

void Host::hand_over(Time now) {
  std::vector<std::pair<Program*, net::FrozenConnection>> owned;
  for (const auto& program : programs_) {
    if (!program->gone()) owned.emplace_back(program.get(), engine_->freeze(now, program->id()));
  }
  std::vector<net::FrozenConnection> rest;
  engine_->freeze_rest(now, [&rest](net::FrozenConnection&& frozen) { rest.push_back(std::move(frozen)); });
  if (!quiet()) failure_ = "not everything can be handed over";
  make_engine();
  by_id_.clear();
  const auto thaw = [&](const net::FrozenConnection& frozen) {
    const auto id = engine_->thaw(now, frozen, frames_);
    if (!id) failure_ = "thaw() refuses what freeze() gave: " + id.error().to_string();
    return id.value_or(net::ConnectionId());
  };
  for (const auto& [program, frozen] : owned) {
    program->set_id(thaw(frozen));
    by_id_[program->id()] = program;
  }
  for (const net::FrozenConnection& frozen : rest) thaw(frozen);
}

void Host::set_mtu(std::uint32_t mtu) {
  options_.mtu = mtu;
  engine_->set_interface(kWire, {mtu, options_.gso_bytes, true});
}

bool Host::connect(Time now, const Endpoint& to, std::uint16_t from_port, std::unique_ptr<Program> program) {
  net::ConnectRequest request;
  request.key = {kWire, {address_of(number_, to.address.is_v6()), from_port}, to};
  request.pod = request.account = pod_of(number_);
  request.connect_timeout = Duration::seconds(150);
  const auto id = engine_->connect(now, request);
  if (!id) return false;
  program->set_id(*id);
  add(now, std::move(program));
  return true;
}

void Host::add(Time now, std::unique_ptr<Program> program) {
  const net::FlowKey& key = engine_->key(program->id());
  if (recorder_ != nullptr) recorder_->name(key.local, key.remote, program->connection());
  if (recorder_ != nullptr) recorder_->note(now, absl::StrFormat("h%d c%d begins", number_, program->connection()));
  by_id_[program->id()] = program.get();
  programs_.push_back(std::move(program));
}

Program* Host::program_of(net::ConnectionId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

// ---- IP

// In the order of net/stack: header, ports, and the checksum of what is for us.
void Host::receive(Time now, const Datagram& datagram) {
  ++datagrams_;
  now_ = now;
  if (recorder_ != nullptr) recorder_->on_arrival(now, number_, datagram);
  const auto ip = net::parse_ip(datagram.bytes, datagram.bytes.size());
  if (!ip) return drop(now, datagram, net::to_string(ip.error()));
  if (ip->destination != address_of(number_, ip->v6)) return drop(now, datagram, "not our address");
  if (ip->fragment) return drop(now, datagram, "a fragment");
  const auto tuple = net::parse_ports(datagram.bytes, *ip);
  if (!tuple) return drop(now, datagram, net::to_string(tuple.error()));
  Datagram whole = datagram;
  whole.bytes.resize(ip->total_bytes);
  if (!net::l4_checksum_holds(to_packet(whole, large_).bytes, *ip)) return drop(now, datagram, "bad L4 checksum");
  if (net::is_icmp_error(whole.bytes, *ip)) return receive_icmp(now, whole, *ip);
  if (ip->protocol != net::kProtocolTcp) return drop(now, datagram, "neither TCP nor an ICMP error");
  receive_tcp(whole);
}

// Nothing that the stacks themselves send is ever wrong.
void Host::drop(Time now, const Datagram& datagram, std::string_view why) {
  ++dropped_;
  if (recorder_ != nullptr) recorder_->note(now, absl::StrFormat("h%d drops it: %s", number_, why));
  if (!datagram.corrupted) failure_ = absl::StrFormat("an intact datagram was refused: %s", why);
}

void Host::receive_icmp(Time now, const Datagram& datagram, const net::IpHeader& ip) {
  const auto error = net::parse_icmp_error(datagram.bytes, ip);
  if (!error) return drop(now, datagram, "an ICMP error about nothing of ours");
  const net::Tuple& quoted = error->quoted.tuple;
  engine_->on_icmp_error(now, {kWire, quoted.source, quoted.destination}, error->error);
}

// GRO: a segment joins the last one of this turn, or begins a new one. Merged anywhere, as chance has it.
void Host::receive_tcp(const Datagram& datagram) {
  if (!arrived_.empty() && random_.chance(options_.merge) && merge(arrived_.back(), datagram)) {
    ++merged_;
    return;
  }
  arrived_.push_back(datagram);
}

bool Host::poll_output(Time now, Datagram* datagram) {
  if (leaving_.empty()) {
    Packet packet;
    if (!engine_->poll_output(now, &packet)) return false;
    const Datagram whole = flatten(packet);
    if (whole.bytes.size() > (whole.gso_size == 0 ? options_.mtu : options_.gso_bytes)) failure_ = "sent too big";
    leaving_ = cut(whole);
    std::reverse(leaving_.begin(), leaving_.end());
  }
  ++datagrams_;
  *datagram = std::move(leaving_.back());
  leaving_.pop_back();
  return true;
}

// ---- a turn

void Host::give_to_engine(Time now) {
  for (const Datagram& d : arrived_) {
    engine_->input(now, to_packet(d, d.bytes.size() > 2000 ? large_ : frames_), arrival_of(d, kWire, pod_of(number_)));
  }
  arrived_.clear();
}

bool Host::turn(Time now) {
  now_ = now;
  give_to_engine(now);
  if (engine_->deadline() <= now) {
    ++timer_calls_;
    engine_->on_timer(now);
    if (engine_->deadline() <= now) failure_ = "a deadline stays after on_timer()";
  }
  take_events();
  bool moved = false;
  for (const auto& program : programs_) {
    if (program->gone()) continue;
    moved = program->run(now, *engine_, frames_) || moved;
    if (!program->failure().empty()) {
      failure_ = absl::StrFormat("c%d: %s", program->connection(), program->failure());
    }
    if (!program->gone()) continue;
    by_id_.erase(program->id());
    if (engine_->exists(program->id())) failure_ = "an id outlives close()";
  }
  return moved;
}

void Host::take_events() {
  net::TcpEvent event;
  while (engine_->poll_event(&event)) {
    if (event.kind == net::TcpEventKind::kSyn) accept(now_, event.id);
    Program* program = program_of(event.id);
    if (program != nullptr) program->on_event(event);
    if (program == nullptr && event.kind == net::TcpEventKind::kClosed) engine_->close(now_, event.id);
    if (program == nullptr || recorder_ == nullptr) continue;
    static constexpr const char* kNames[] = {"SYN", "established", "readable", "writable", "peer closed", "closed: "};
    const auto kind = static_cast<std::size_t>(event.kind);
    const std::string reason = event.kind == net::TcpEventKind::kClosed ? std::string(to_string(event.reason)) : "";
    recorder_->note(now_, absl::StrFormat("h%d c%d %s%s", number_, program->connection(), kNames[kind], reason));
  }
}

void Host::accept(Time now, net::ConnectionId id) {
  std::unique_ptr<Program> program = listen_(engine_->key(id).local.port - service_port(0));
  if (program == nullptr) return engine_->refuse_syn(now, id);
  program->set_id(id);
  add(now, std::move(program));
  engine_->accept_syn(now, id, pod_of(number_));
}

Time Host::next() const {
  Time next = engine_->deadline();
  for (const auto& program : programs_) {
    if (!program->gone()) next = std::min(next, program->wake());
  }
  return next;
}

std::string Host::left_over() const {
  if (engine_->account_memory(pod_of(number_)) != 0) return "an account is not empty";
  const std::size_t buffers = headers_.outstanding() + frames_.outstanding() + large_.outstanding();
  return buffers == 0 ? "" : absl::StrFormat("%d buffers are held", buffers);
}

}  // namespace weft::sim
