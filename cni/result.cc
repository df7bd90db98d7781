#include "cni/result.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cni/json.h"

namespace weft::cni {

using nlohmann::json;

bool version_less(std::string_view a, std::string_view b) {
  auto numbers = [](std::string_view text) {
    std::vector<int> parts;
    for (absl::string_view part : absl::StrSplit(absl::string_view(text.data(), text.size()), '.')) {
      int value = 0;
      parts.push_back(absl::SimpleAtoi(part, &value) ? value : 0);
    }
    return parts;
  };
  return numbers(a) < numbers(b);
}

Result<std::vector<IpAddress>> addresses_of(const json& result) {
  std::vector<IpAddress> addresses;
  const json ips = result.is_object() ? result.value("ips", json::array()) : json();
  if (!ips.is_array()) return fail(ErrorCode::kDecoding, "result: \"ips\" is not a list");
  for (const json& ip : ips) {
    const json text = ip.is_object() ? ip.value("address", json()) : json();
    const auto prefix = text.is_string() ? IpPrefix::parse(text.get<std::string>()) : std::nullopt;
    if (!prefix) return fail(ErrorCode::kDecoding, "result: an entry of \"ips\" has no valid address", ip.dump());
    addresses.push_back(prefix->address);
  }
  return addresses;
}

Result<IpamResult> parse_ipam_result(std::string_view stdout_text) {
  const json object = read_json(stdout_text).value_or(json());
  if (!object.is_object())
    return fail(ErrorCode::kIpamFailed, "the IPAM plugin's answer is not JSON",
                std::string(stdout_text.substr(0, 200)));
  auto addresses = addresses_of(object);
  if (!addresses) return std::unexpected(addresses.error());
  const auto of_v6 = std::count_if(addresses->begin(), addresses->end(), [](const IpAddress& a) { return a.is_v6(); });
  if (addresses->empty() || of_v6 > 1 || std::ssize(*addresses) - of_v6 > 1) {
    return fail(ErrorCode::kIpamFailed,
                absl::StrCat("the IPAM plugin gave ", addresses->size(), " addresses; a pod has one of a family"));
  }
  return IpamResult{*addresses, object.value("dns", json())};
}

std::string add_result(const Attachment& attachment, const std::string& cni_version) {
  nlohmann::ordered_json result = {{"cniVersion", cni_version}};
  nlohmann::ordered_json device = {
      {"name", attachment.interface_name}, {"mac", attachment.mac}, {"sandbox", attachment.netns}};
  if (!version_less(cni_version, "1.1.0")) device["mtu"] = attachment.mtu;
  result["interfaces"] = {device};
  result["ips"] = json::array();
  result["routes"] = json::array();
  for (const IpAddress& address : attachment.addresses) {
    nlohmann::ordered_json ip;
    if (version_less(cni_version, "1.0.0")) ip["version"] = address.is_v6() ? "6" : "4";
    const std::string& gateway = address.is_v6() ? attachment.gateway_ipv6 : attachment.gateway_ipv4;
    ip["address"] = absl::StrCat(address.to_string(), "/", address.bits());
    ip["gateway"] = gateway;
    ip["interface"] = 0;
    result["ips"].push_back(ip);
    result["routes"].push_back({{"dst", address.is_v6() ? "::/0" : "0.0.0.0/0"}, {"gw", gateway}});
  }
  result["dns"] = attachment.dns.is_null() ? json::object() : attachment.dns;
  return result.dump(2);
}

}  // namespace weft::cni
