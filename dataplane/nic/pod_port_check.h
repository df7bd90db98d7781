// Whether a pod's device is as it was asked for. For CNI CHECK, and before a restarted process opens what it left.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "dataplane/nic/system_error.h"

namespace weft::nic {

// The error names the first difference: namespace or device gone, down, other MTU, an address missing. No addresses or
// an MTU of 0: not asked.
Outcome check_pod_port(const std::string& network_namespace, const std::string& name,
                       const std::vector<IpAddress>& addresses, std::uint32_t mtu);

}  // namespace weft::nic
