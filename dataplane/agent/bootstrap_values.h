// Kinds of values that several keys of the data plane's file have. Each throws YamlError for what is none.
#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "dataplane/agent/yaml_value.h"

namespace weft::agent {

std::string device_name(const YamlValue& v);
std::string dns_name(const YamlValue& v);
std::string absolute_path(const YamlValue& v);
std::string socket_path(const YamlValue& v);
// At most one IPv4 and one IPv6 address.
std::vector<IpAddress> one_a_family(const YamlValue& v);

}  // namespace weft::agent
