#include "tests/sim/mesh_node.h"

#include <stdexcept>

namespace weft::sim {

namespace {

std::string text(unsigned number) { return std::to_string(number); }

net::Interface uplink_of(unsigned node) {
  net::Interface uplink;
  uplink.id = kUplink;
  uplink.kind = net::InterfaceKind::kUplink;
  uplink.name = "uplink";
  uplink.mac = uplink_mac(node);
  uplink.addresses = {*IpAddress::parse("10.99.0." + text(node + 1)), *IpAddress::parse("fd99::" + text(node + 1))};
  uplink.link = {.mtu = 1500, .tso = false, .checksum = false, .max_gso_bytes = 1500};
  return uplink;
}

net::Interface tap_of(InterfaceId pod) {
  net::Interface tap;
  tap.id = pod;
  tap.name = "pod" + text(pod);
  tap.mac = gateway_mac(pod);
  tap.peer_mac = pod_mac(pod);
  tap.link = {.mtu = 1500, .tso = true, .checksum = true, .max_gso_bytes = 65535};
  return tap;
}

void add_routes(unsigned node, net::NetworkSpec* spec) {
  const std::string other = text(2 - node);
  const auto route = [&](const std::string& prefix, const std::string& gateway) {
    net::Route r{*IpPrefix::parse(prefix), kUplink, {}};
    if (!gateway.empty()) r.gateway = *IpAddress::parse(gateway);
    spec->routes.push_back(r);
  };
  route("10.99.0.0/24", "");
  route("fd99::/64", "");
  route("10.244." + other + ".0/24", "10.99.0." + other);
  route("fd00:244:" + other + "::/64", "fd99::" + other);
}

}  // namespace

net::MacAddress uplink_mac(unsigned node) { return {{2, 0, 0, 9, 0, static_cast<std::uint8_t>(node + 1)}}; }
net::MacAddress gateway_mac(InterfaceId pod) {
  return {{2, 0, 0, 0, static_cast<std::uint8_t>(pod >> 8), static_cast<std::uint8_t>(pod)}};
}
net::MacAddress pod_mac(InterfaceId pod) {
  return {{2, 0, 0, 1, static_cast<std::uint8_t>(pod >> 8), static_cast<std::uint8_t>(pod)}};
}

MeshNode::MeshNode(const NodeOptions& options) : options_(options), random_(options.seed) {
  static const crypto::CipherChoice ciphers = crypto::choose_ciphers("openssl");
  for (unsigned i = 0; i < options.workers; ++i) {
    Worker& worker = *workers_.emplace_back(std::make_unique<Worker>());
    net::StackOptions stack;
    stack.worker = i;
    stack.workers = options.workers;
    stack.seed = random_.next();
    stack.tcp = options.tcp;
    stack.headers = &headers_;
    worker.stack = std::make_unique<net::Stack>(stack);
    worker.keys = std::make_unique<crypto::KeyScheduleCache>(ciphers, 8);
    proxy::ProxyOptions proxy = options.proxy;
    proxy.worker = i;
    proxy.workers = options.workers;
    worker.proxy = std::make_unique<proxy::Proxy>(proxy, *worker.stack, tls::SessionContext{headers_, *worker.keys},
                                                  worker.handshakes, clusters_, Random(random_.next()));
  }
}

MeshNode::~MeshNode() = default;

void MeshNode::publish(Time now, net::NetworkSpec spec, const std::vector<InterfaceId>& pods,
                       std::shared_ptr<const proxy::NodeView> view) {
  spec.interfaces.push_back(uplink_of(options_.number));
  for (const InterfaceId pod : pods) spec.interfaces.push_back(tap_of(pod));
  add_routes(options_.number, &spec);
  auto network = net::Network::compile(std::move(spec));
  if (!network) throw std::runtime_error(network.error());
  for (auto& worker : workers_) {
    worker->stack->set_network(*network);
    worker->proxy->publish(now, view);
  }
}

void MeshNode::receive(Time now, InterfaceId from, const Frame& frame) {
  Packet packet;
  packet.bytes = ByteChain::copy_of(frame.bytes, frames_, 128);
  packet.offload = frame.offload;
  packet.interface = from;
  const bool fixed = from == kUplink && options_.one_queue;
  Worker& worker = *workers_[fixed ? 0 : random_.below(workers_.size())];
  worker.stack->receive(now, {&packet, 1});
  turn(now);  // before the next frame, so that the choice of a worker does not reorder a flow
}

bool MeshNode::turn_of(Time now, Worker& worker) {
  bool moved = false;
  if (worker.stack->deadline() <= now) worker.stack->on_timer(now);
  while (worker.proxy->run(now)) moved = true;
  unsigned owner = 0;
  for (Packet packet; worker.stack->poll_handover(&owner, &packet); moved = true) {
    for (const Slice& slice : packet.bytes) {
      if (!slice.exclusive()) throw std::runtime_error("a shared slice crossed workers");
    }
    workers_[owner]->stack->receive_handover(now, std::move(packet));
  }
  for (Packet packet; worker.stack->poll_frame(now, &packet); moved = true) {
    Out& out = out_.emplace_back();
    out.to = packet.interface;
    out.frame.bytes.resize(packet.bytes.size());
    packet.bytes.copy_to(0, out.frame.bytes);
    out.frame.offload = packet.offload;
    packet = Packet{};
  }
  return moved;
}

bool MeshNode::turn(Time now) {
  bool moved = false;
  for (bool again = true; again;) {
    again = false;
    for (auto& worker : workers_) again |= turn_of(now, *worker);
    moved |= again;
  }
  return moved;
}

bool MeshNode::poll_frame(InterfaceId* to, Frame* frame) {
  if (out_.empty()) return false;
  *to = out_.front().to;
  *frame = std::move(out_.front().frame);
  out_.pop_front();
  return true;
}

Time MeshNode::deadline() const {
  Time next = Time::never();
  for (const auto& worker : workers_) next = std::min({next, worker->stack->deadline(), worker->proxy->deadline()});
  return next;
}

std::size_t MeshNode::streams() const {
  std::size_t sum = 0;
  for (const auto& worker : workers_) sum += worker->proxy->streams();
  return sum;
}

std::size_t MeshNode::connections() const {
  std::size_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->stack->tcp().connections() + worker->stack->tcp().time_wait_entries();
  }
  return sum;
}

std::uint64_t MeshNode::ends(proxy::EndReason reason) const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->proxy->counters().ends.value(reason);
  return sum;
}

std::uint64_t MeshNode::refusals(mesh::Refusal refusal) const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) {
    sum += worker->proxy->counters().refusals[static_cast<std::size_t>(refusal)].value();
  }
  return sum;
}

std::uint64_t MeshNode::handed_over() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->stack->counters().handed_over;
  return sum;
}

}  // namespace weft::sim
