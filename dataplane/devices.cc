#include "dataplane/devices.h"

#include <algorithm>
#include <chrono>
#include <future>

#include "base/log.h"
#include "dataplane/nic/host_port.h"
#include "dataplane/nic/pod_port.h"
#include "dataplane/nic/pod_port_check.h"

namespace weft::dataplane {

namespace {

// Returns when every worker has run a task of ours; gives up on one that does not turn.
void wait_for_a_turn(const std::vector<worker::Worker*>& workers) {
  std::vector<std::future<void>> turns;
  for (worker::Worker* worker : workers) {
    auto turned = std::make_shared<std::promise<void>>();
    turns.push_back(turned->get_future());
    worker->post([turned](Time) { turned->set_value(); });
  }
  for (const auto& turn : turns) turn.wait_for(std::chrono::seconds(2));
}

}  // namespace

std::string kernel_interface_of(const std::string& device) {
  const auto begin = device.find("iface=");
  // vhost and virtio-user name a socket there, which has slashes.
  if (begin == std::string::npos) return {};
  std::string name = device.substr(begin + 6, device.find(',', begin) - begin - 6);
  return name.find('/') == std::string::npos ? name : std::string();
}

Devices::Devices(const agent::Bootstrap& config, nic::MbufPool& small, nic::MbufPool& large)
    : config_(config), small_(small), large_(large) {}

Devices::~Devices() = default;

std::expected<std::unique_ptr<Devices>, std::string> Devices::open(const agent::Bootstrap& config, nic::MbufPool& small,
                                                                   nic::MbufPool& large) {
  std::unique_ptr<Devices> devices(new Devices(config, small, large));
  nic::PortOptions uplink;
  uplink.device = config.uplink.device;
  uplink.queues = config.workers.count;
  uplink.mtu = config.uplink.mtu;
  uplink.small_pool = &small;
  auto port = nic::Port::open(uplink);
  if (!port) return std::unexpected("uplink " + config.uplink.device + ": " + port.error());
  devices->uplink_ = std::move(*port);
  nic::HostPortOptions host;
  host.name = config.host.interface;
  host.queues = config.workers.count;
  host.mtu = config.host.mtu;
  for (const IpPrefix& own : config.uplink.addresses) host.node_addresses.push_back(own.address);
  host.gateways = {net::gateway_v4(), net::gateway_v6()};
  auto tap = nic::open_host_port(host);
  if (!tap) return std::unexpected("host port " + config.host.interface + ": " + tap.error());
  devices->host_ = std::move(*tap);
  return devices;
}

void Devices::attach(std::vector<worker::Worker*> workers) {
  workers_ = std::move(workers);
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    receive_buffers_.push_back(std::make_shared<nic::ReceiveBuffers>(small_, large_));
    if (i < uplink_->queues()) {
      workers_[i]->add_link(agent::kUplinkInterface, uplink_->link(static_cast<unsigned>(i)));
    } else {
      workers_[i]->add_remote_link(agent::kUplinkInterface, static_cast<unsigned>(i % uplink_->queues()));
    }
    workers_[i]->add_link(agent::kHostInterface, host_->link(static_cast<unsigned>(i), receive_buffers_[i]));
  }
}

void Devices::hand_out(InterfaceId interface, nic::Tap& tap) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    auto link = tap.link(static_cast<unsigned>(i), receive_buffers_[i]);
    workers_[i]->post([worker = workers_[i], interface, link = std::move(link)](Time) mutable {
      worker->add_link(interface, std::move(link));
    });
  }
}

std::expected<agent::PodPort, std::string> Devices::open_pod(const agent::PodPortRequest& request) {
  const std::lock_guard lock(mutex_);
  PodDevice& pod = pods_[request.interface];
  if (pod.tap == nullptr) {
    nic::PodPortOptions options;
    options.network_namespace = request.netns;
    options.name = request.interface_name;
    options.queues = static_cast<unsigned>(workers_.size());
    options.mtu = request.mtu;
    options.addresses = request.addresses;
    options.gateways = {net::gateway_v4(), net::gateway_v6()};
    if (const auto mac = net::MacAddress::parse(request.mac)) options.mac = *mac;
    if (options.mac.is_zero()) options.mac = nic::pod_mac(request.addresses.front());
    auto tap = nic::open_pod_port(options);
    if (!tap) {
      pods_.erase(request.interface);
      return std::unexpected(tap.error());
    }
    pod = {std::move(*tap), options.mac};
    hand_out(request.interface, *pod.tap);
  }
  return agent::PodPort{pod.mac.to_string(), nic::gateway_mac().to_string(), pod.tap->options().mtu,
                        net::gateway_v4(), net::gateway_v6()};
}

std::expected<agent::PodPort, std::string> Devices::create(const agent::PodPortRequest& request) {
  return open_pod(request);
}

std::expected<agent::PodPort, std::string> Devices::reopen(const agent::PodPortRequest& request) {
  if (auto there = nic::check_pod_port(request.netns, request.interface_name, {}, 0); !there) {
    return std::unexpected(there.error());
  }
  return open_pod(request);
}

std::expected<void, std::string> Devices::check(const agent::PodPortRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    if (!pods_.contains(request.interface)) return std::unexpected("no port is open for " + request.interface_name);
  }
  return nic::check_pod_port(request.netns, request.interface_name, request.addresses, request.mtu);
}

// The workers know already that the pod is gone, and answer its connections with resets, the last frames through this
// device. They do so in the turn that tells them; when a second task of ours runs, that turn's frames are sent.
void Devices::remove(const agent::PodPortRequest& request) {
  wait_for_a_turn(workers_);
  wait_for_a_turn(workers_);
  for (worker::Worker* worker : workers_) {
    worker->post([worker, interface = request.interface](Time) { worker->remove_link(interface); });
  }
  const std::lock_guard lock(mutex_);
  const auto found = pods_.find(request.interface);
  if (found == pods_.end()) {
    if (auto removed = nic::remove_pod_port(request.netns, request.interface_name); !removed) {
      log_warning("devices", removed.error());
    }
    return;
  }
  found->second.tap->destroy();
  pods_.erase(found);
}

std::vector<net::Interface> Devices::interfaces(const std::vector<IpAddress>& uplink_addresses) const {
  std::vector<net::Interface> interfaces;
  interfaces.push_back({agent::kUplinkInterface, net::InterfaceKind::kUplink, "uplink", uplink_->mac(), {},
                        uplink_addresses, uplink_->capabilities()});
  interfaces.push_back({agent::kHostInterface, net::InterfaceKind::kHost, host_->options().name, nic::gateway_mac(),
                        host_->options().mac, {}, host_->capabilities()});
  const std::lock_guard lock(mutex_);
  for (const auto& [id, pod] : pods_) {
    interfaces.push_back({id, net::InterfaceKind::kPod, pod.tap->options().name, nic::gateway_mac(), pod.mac, {},
                          pod.tap->capabilities()});
  }
  return interfaces;
}

void Devices::set_host_routes(const std::vector<IpAddress>& own, const std::vector<IpPrefix>& routes) {
  nic::TapOptions options = host_->options();
  if (config_.uplink.addresses.empty()) {
    options.addresses.clear();
    for (const IpAddress& address : own) options.addresses.push_back({address, address.bits()});
    options.preferred_sources = own;
  }
  if (options.routes == routes && options.addresses == host_->options().addresses) return;
  options.routes = routes;
  if (auto done = host_->configure(options); !done) log_error("devices", "host port: " + done.error());
}

Devices::TapTotals Devices::tap_totals() const {
  TapTotals totals;
  const auto add = [&](const nic::Tap& tap) {
    for (unsigned queue = 0; queue < tap.queues(); ++queue) {
      const nic::TapCounters& counters = tap.counters(queue);
      totals.received += counters.received.value();
      totals.transmitted += counters.transmitted.value();
      for (std::size_t i = 0; i < totals.drops.size(); ++i) {
        totals.drops[i] += counters.drops.value(static_cast<nic::TapDrop>(i));
      }
    }
  };
  add(*host_);
  const std::lock_guard lock(mutex_);
  for (const auto& [id, pod] : pods_) add(*pod.tap);
  return totals;
}

}  // namespace weft::dataplane
