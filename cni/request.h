// One call of the plugin: environment and stdin, checked. Source: CNI specification 1.1, section 2.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "cni/error.h"

namespace weft::cni {

enum class Command { kAdd, kDel, kCheck, kGc, kStatus, kVersion };

// The versions we speak, lowest first.
inline constexpr const char* kVersions[] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};
inline constexpr const char* kNewestVersion = "1.1.0";

// The network configuration, unknown keys refused by name: a misspelt one must not be half obeyed.
struct NetworkConfig {
  std::string cni_version = "0.1.0";  // the specification's meaning of an absent one; we refuse it
  std::string name;
  std::string type;
  std::string socket = "/run/weft/node.sock";  // of the node's appliance
  unsigned mtu = 0;                            // of the pod's interface; 0: the appliance's default
  nlohmann::json ipam;                         // handed to the plugin that `ipam.type` names
  nlohmann::json previous_result;              // prevResult; null when absent
  std::vector<std::pair<std::string, std::string>> valid_attachments;  // GC: (container, interface)
  nlohmann::json whole;                        // as read, for the IPAM plugin
};

struct Request {
  Command command = Command::kVersion;
  std::string container_id;
  std::string netns;
  std::string interface_name;
  std::vector<std::string> path;            // CNI_PATH
  std::map<std::string, std::string> args;  // CNI_ARGS
  NetworkConfig config;
  std::string arg(const std::string& key) const {
    auto found = args.find(key);
    return found == args.end() ? std::string() : found->second;
  }
};

using Environment = std::function<std::optional<std::string>(const char*)>;

// The version of the configuration if it can be read at all, for the answer to a request that is refused.
std::string version_of(std::string_view stdin_text);
Result<NetworkConfig> parse_config(std::string_view stdin_text);
Result<Request> parse_request(const Environment& environment, std::string_view stdin_text);

}  // namespace weft::cni
