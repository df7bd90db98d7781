#include "dataplane/agent/bootstrap_values.h"

#include <algorithm>

namespace weft::agent {

// Linux takes names of up to 15 bytes without '/', and "." and ".." are not names.
std::string device_name(const YamlValue& v) {
  std::string name = v.text();
  if (name.size() > 15 || name.find('/') != std::string::npos || name == "." || name == "..") {
    v.fail("'" + name + "' cannot be a network device's name (at most 15 characters, no '/')");
  }
  return name;
}

// A label of DNS (RFC 1123), or several with dots: what Kubernetes and SPIFFE take for names.
std::string dns_name(const YamlValue& v) {
  std::string name = v.text();
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  if (name.size() > 253 || !std::all_of(name.begin(), name.end(), good)) {
    v.fail("'" + name + "' is not a DNS name (a-z, 0-9, '-', '.')");
  }
  return name;
}

std::string absolute_path(const YamlValue& v) {
  std::string path = v.text();
  if (path.front() != '/') v.fail("'" + path + "' is not an absolute path");
  return path;
}

std::string socket_path(const YamlValue& v) {
  std::string path = absolute_path(v);
  if (path.size() > 107) v.fail("is longer than the 107 bytes that a UNIX socket's path may have");
  return path;
}

std::vector<IpAddress> one_a_family(const YamlValue& v) {
  std::vector<IpAddress> out;
  for (const YamlValue& item : v.list()) {
    const IpAddress address = item.address();
    for (const IpAddress& other : out) {
      if (other.is_v6() == address.is_v6()) item.fail("a second gateway of this family");
    }
    out.push_back(address);
  }
  return out;
}

}  // namespace weft::agent
