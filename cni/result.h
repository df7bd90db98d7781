// CNI results: what IPAM answers, what ADD prints, in the version that the configuration asks for.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/ip_address.h"
#include "cni/error.h"

namespace weft::cni {

struct IpamResult {
  std::vector<IpAddress> addresses;  // the pod's own: at most one a family
  nlohmann::json dns;                // null when absent
};

// Reads an IPAM plugin's success result of any version we speak.
Result<IpamResult> parse_ipam_result(std::string_view stdout_text);

struct Attachment {
  std::string interface_name;
  std::string netns;
  std::string mac;
  unsigned mtu = 0;
  std::vector<IpAddress> addresses;
  std::string gateway_ipv4, gateway_ipv6;  // link-local next hops
  nlohmann::json dns;
};

// ADD's success result: host prefixes (the interface is point to point) and a default route a family.
std::string add_result(const Attachment& attachment, const std::string& cni_version);

// The addresses that a prevResult names.
Result<std::vector<IpAddress>> addresses_of(const nlohmann::json& result);

// True if version a is older than b; both like "1.0.0".
bool version_less(std::string_view a, std::string_view b);

}  // namespace weft::cni
