#include "tests/sim/mesh_world.h"

#include <algorithm>
#include <stdexcept>

#include "base/log.h"
#include "crypto/test_mesh.h"

namespace weft::sim {

namespace {

// The proxies' wall clock. One world at a time, on one thread.
std::int64_t unix_ms_now = 0;
std::int64_t unix_ms() { return unix_ms_now; }

constexpr Time kBegin = Time::from_ns(1'000'000'000'000);

}  // namespace

WorldOptions::WorldOptions() {
  for (net::TcpOptions* each : {&tcp, &pod_tcp}) {
    each->time_wait = Duration::seconds(1);
    each->fin_wait_2 = Duration::seconds(10);
  }
}

MeshWorld::MeshWorld(const WorldOptions& options) : options_(options), random_(options.seed) {
  unix_ms_now = crypto::TestMesh::kNow * 1000;
  set_log_level(LogLevel::kWarning);  // a line for each connection says nothing here
  for (unsigned i = 0; i < 2; ++i) {
    NodeOptions node;
    node.number = i;
    node.workers = options.workers;
    node.seed = random_.next();
    node.tcp = options.tcp;
    node.proxy = options.proxy;
    node.proxy.unix_ms = unix_ms;
    node.one_queue = options.one_queue;
    nodes_[i] = std::make_unique<MeshNode>(node);
  }
}

MeshWorld::~MeshWorld() = default;

Kernel& MeshWorld::add_pod(const PodSpec& spec) {
  const InterfaceId interface = cluster.add_pod(spec);
  auto kernel = std::make_unique<Kernel>(now_, cluster.addresses_of(spec.name), options_.pod_tcp, random_.next());
  kernel->mac = pod_mac(interface);
  kernel->gateway_mac = gateway_mac(interface);
  ports_[interface] = {kernel.get(), spec.node};
  Kernel& made = *kernel;
  kernels_[spec.name] = std::move(kernel);
  return made;
}

void MeshWorld::remove_pod(const std::string& name) {
  cluster.remove_pod(name);
  gone_.push_back(std::move(kernels_.at(name)));
  kernels_.erase(name);
}

void MeshWorld::publish() {
  cluster.build();
  for (unsigned i = 0; i < 2; ++i) {
    net::NetworkSpec spec;
    cluster.fill(i, &spec);
    std::vector<InterfaceId> pods;  // a removed pod's device outlives it a little, as the real one does
    for (const auto& [interface, port] : ports_) {
      if (port.node == i) pods.push_back(interface);
    }
    nodes_[i]->publish(now_, std::move(spec), pods, cluster.view_of(i));
  }
  work();
  std::erase_if(ports_, [this](const auto& port) {
    return std::any_of(gone_.begin(), gone_.end(), [&](const auto& k) { return k.get() == port.second.kernel; });
  });
}

void MeshWorld::launch(unsigned from, Frame&& frame) {
  ++frames;
  if (record_wire) wire_frames.push_back(frame.bytes);
  const bool group = (frame.bytes[0] & 1) != 0;
  if (!group && net::MacAddress::from(frame.bytes.data()) != uplink_mac(1 - from)) return;
  if (wire_cut || random_.chance(options_.wire.loss)) return;
  const int copies = random_.chance(options_.wire.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Time at = now_ + options_.wire.delay;
    if (random_.chance(options_.wire.reorder)) {
      const auto most = static_cast<std::uint64_t>(options_.wire.jitter.ns()) + 1;
      at = at + Duration::nanoseconds(static_cast<std::int64_t>(random_.below(most)));
    }
    flying_.push({at, order_++, 1 - from, frame});
  }
}

bool MeshWorld::move_frames() {
  bool moved = false;
  for (auto& [interface, port] : ports_) {
    for (Frame frame; port.kernel->poll_frame(&frame); moved = true) {
      nodes_[port.node]->receive(now_, interface, frame);
    }
  }
  for (unsigned i = 0; i < 2; ++i) {
    InterfaceId to = kNoInterface;
    for (Frame frame; nodes_[i]->poll_frame(&to, &frame); moved = true) {
      if (to == kUplink) {
        launch(i, std::move(frame));
      } else if (const auto port = ports_.find(to); port != ports_.end()) {
        port->second.kernel->receive(std::move(frame));
      }
    }
  }
  return moved;
}

// All that there is to do at this moment.
void MeshWorld::work() {
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& [name, kernel] : kernels_) moved |= kernel->run();
    for (auto& kernel : gone_) moved |= kernel->run();
    for (auto& node : nodes_) moved |= node->turn(now_);
    moved |= move_frames();
  }
}

void MeshWorld::step(Time until) {
  work();
  Time next = flying_.empty() ? until : std::min(until, flying_.top().at);
  for (auto& node : nodes_) next = std::min(next, node->deadline());
  for (auto& [name, kernel] : kernels_) next = std::min(next, kernel->deadline());
  now_ = std::max(next, now_);
  unix_ms_now = crypto::TestMesh::kNow * 1000 + (now_ - kBegin).ms();
  while (!flying_.empty() && flying_.top().at <= now_) {
    InFlight arrived = flying_.top();
    flying_.pop();
    nodes_[arrived.to]->receive(now_, kUplink, arrived.frame);
  }
}

void MeshWorld::run(Duration span) {
  const Time end = now_ + span;
  while (now_ < end) step(end);
  work();
}

bool MeshWorld::run_until(const std::function<bool()>& condition, Duration patience) {
  const Time end = now_ + patience;
  for (work(); !condition(); work()) {
    if (now_ >= end) return false;
    step(end);
  }
  return true;
}

proxy::ConnectionRecord MeshWorld::last_refusal() {
  proxy::ConnectionRecord last;
  for (auto& node : nodes_) {
    for (unsigned i = 0; i < node->workers(); ++i) {
      for (const auto& record : node->proxy(i).decisions().records()) {
        if (record.verdict != "allowed" && record.unix_ms >= last.unix_ms) last = record;
      }
    }
  }
  return last;
}

bool MeshWorld::wire_holds(std::string_view text) const {
  return std::any_of(wire_frames.begin(), wire_frames.end(), [&](const auto& frame) {
    return as_text(frame).find(text) != std::string_view::npos;
  });
}

std::string MeshWorld::leftovers() const {
  std::string left;
  const auto note = [&left](const std::string& what, std::size_t n) {
    if (n != 0) left += what + ": " + std::to_string(n) + "; ";
  };
  for (unsigned i = 0; i < 2; ++i) {
    const std::string node = "node " + std::to_string(i);
    note(node + " streams", nodes_[i]->streams());
    note(node + " TCP", nodes_[i]->connections());
    note(node + " buffers", nodes_[i]->buffers());
  }
  for (const auto& [name, kernel] : kernels_) {
    note(name + " TCP", kernel->tcp().connections() + kernel->tcp().time_wait_entries());
    note(name + " buffers", kernel->buffers());
    note(name + " bad checksums", kernel->bad_checksums);
  }
  return left;
}

std::string MeshWorld::finish() {
  wire_cut = false;
  options_.wire.loss = 0;
  for (auto& [name, kernel] : kernels_) {
    for (Socket& socket : kernel->sockets()) {
      if (!socket.closed) socket.abort();
    }
  }
  gone_.clear();
  if (run_until([this] { return leftovers().empty(); }, Duration::seconds(1200))) return "";
  return leftovers();
}

}  // namespace weft::sim
