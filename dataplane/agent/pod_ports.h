// What the agent needs from whoever owns the devices: the pod ports. Implemented in main over dataplane/nic.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/packet.h"

namespace weft::agent {

// Interface ids are given by the agent. Those of pods are kept over restarts.
inline constexpr InterfaceId kUplinkInterface = 1;
inline constexpr InterfaceId kHostInterface = 2;
inline constexpr InterfaceId kFirstPodInterface = 16;

struct PodPortRequest {
  InterfaceId interface = kNoInterface;
  std::string netns;                 // path of the pod's network namespace
  std::string interface_name;        // of the device in that namespace, e.g. "eth0"
  std::string mac;                   // the pod end's, "02:..."; empty: a new one. Kept over restarts
  std::vector<IpAddress> addresses;  // the pod's own
  std::uint32_t mtu = 1500;
};

struct PodPort {
  std::string mac;          // of the pod's end
  std::string gateway_mac;  // of our end
  std::uint32_t mtu = 0;
  IpAddress gateway_ipv4, gateway_ipv6;  // the pod's link-local next hops, which we answer for
};

// All calls come from the agent's thread, one at a time, and may block for some milliseconds.
// Errors are sentences for the operator (CNI shows them to kubelet).
class PodPorts {
 public:
  virtual ~PodPorts() = default;
  // Creates the persistent TAP in the namespace, or finds it, opens it and hands its queues to the workers. The same
  // request again answers the same.
  virtual std::expected<PodPort, std::string> create(const PodPortRequest& request) = 0;
  // After a restart: opens the TAP that an earlier process left. Error: namespace or device is gone.
  virtual std::expected<PodPort, std::string> reopen(const PodPortRequest& request) = 0;
  // Error: what differs from the request (device missing, other address, other MTU).
  virtual std::expected<void, std::string> check(const PodPortRequest& request) = 0;
  // Takes the port from the workers and deletes the device. A namespace or device that is gone already is no error.
  virtual void remove(const PodPortRequest& request) = 0;
};

}  // namespace weft::agent
