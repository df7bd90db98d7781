// The node's devices: uplink, host port and pod ports, and what the packet layer must know of each.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataplane/agent/bootstrap.h"
#include "dataplane/agent/pod_ports.h"
#include "dataplane/net/network.h"
#include "dataplane/nic/port.h"
#include "dataplane/nic/receive_buffers.h"
#include "dataplane/nic/tap.h"
#include "dataplane/worker/worker.h"

namespace weft::dataplane {

// Opened by main before the workers run; afterwards called from the agent's thread only, but for counters.
class Devices final : public agent::PodPorts {
 public:
  // REQUIRES: start_eal(). Pools outlive it. The error says which device and why.
  static std::expected<std::unique_ptr<Devices>, std::string> open(const agent::Bootstrap& config, nic::MbufPool& small,
                                                                   nic::MbufPool& large);
  ~Devices() override;

  // Gives the workers their queues. REQUIRES: once, before they run; they outlive the devices' last call.
  void attach(std::vector<worker::Worker*> workers);

  std::expected<agent::PodPort, std::string> create(const agent::PodPortRequest& request) override;
  std::expected<agent::PodPort, std::string> reopen(const agent::PodPortRequest& request) override;
  std::expected<void, std::string> check(const agent::PodPortRequest& request) override;
  void remove(const agent::PodPortRequest& request) override;

  // Every device there is, for a net::NetworkSpec. `uplink_addresses`: the node's own on the wire.
  std::vector<net::Interface> interfaces(const std::vector<IpAddress>& uplink_addresses) const;
  // The node's kernel reaches these through the host port and nothing else. Logs what fails.
  void set_host_routes(const std::vector<IpAddress>& own, const std::vector<IpPrefix>& routes);
  const nic::Port& uplink() const { return *uplink_; }
  const nic::Tap& host() const { return *host_; }

  // Sums over every TAP that there is, and over queues. Any thread.
  struct TapTotals {
    std::uint64_t received = 0, transmitted = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(nic::TapDrop::kCount)> drops{};
  };
  TapTotals tap_totals() const;

 private:
  struct PodDevice {
    std::unique_ptr<nic::Tap> tap;
    net::MacAddress mac;
  };
  Devices(const agent::Bootstrap& config, nic::MbufPool& small, nic::MbufPool& large);
  std::expected<agent::PodPort, std::string> open_pod(const agent::PodPortRequest& request);
  void hand_out(InterfaceId interface, nic::Tap& tap);

  const agent::Bootstrap& config_;
  nic::MbufPool& small_;
  nic::MbufPool& large_;
  std::vector<worker::Worker*> workers_;
  std::vector<std::shared_ptr<nic::ReceiveBuffers>> receive_buffers_;  // one a worker
  std::unique_ptr<nic::Port> uplink_;
  std::unique_ptr<nic::Tap> host_;
  mutable std::mutex mutex_;  // pods_, between the agent's thread and whoever reads counters
  std::map<InterfaceId, PodDevice> pods_;
};

// The kernel interface that a DPDK device argument names ("net_af_packet0,iface=up0" -> "up0"); empty: none.
std::string kernel_interface_of(const std::string& device);

}  // namespace weft::dataplane
