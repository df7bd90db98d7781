#include "cni/commands.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "cni/appliance.h"
#include "cni/ipam.h"
#include "cni/result.h"

namespace weft::cni {

namespace {

using nlohmann::json;

Result<void> refuse_chaining(const Request& request) {
  if (request.config.previous_result.is_null()) return {};
  return fail(ErrorCode::kUnsupportedField,
              "prevResult on ADD: weft-cni is a main plugin and makes the interface itself",
              "put it first in the plugin list");
}

// ADD. The same ADD again answers the same: the appliance knows the attachment, and IPAM is not asked twice.
Result<std::string> add(const Request& request) {
  if (auto allowed = refuse_chaining(request); !allowed) return std::unexpected(allowed.error());
  Appliance appliance(request.config.socket);
  auto existing = appliance.check(request, {});
  if (existing) return add_result(*existing, request.config.cni_version);
  if (existing.error().code != ErrorCode::kUnknownContainer) return std::unexpected(existing.error());
  auto ipam = Ipam::open(request);
  if (!ipam) return std::unexpected(ipam.error());
  auto given = ipam->add();
  if (!given) return std::unexpected(given.error());
  auto attachment = appliance.add(request, given->addresses);
  if (!attachment) {
    (void)ipam->del();  // the address must not leak; the first error is the one to show
    return std::unexpected(attachment.error());
  }
  attachment->dns = given->dns;
  return add_result(*attachment, request.config.cni_version);
}

// DEL. The address goes back only when the appliance has let go of the pod: else the next pod with this address would
// meet the old one's state. An absent appliance therefore means "try again", not success.
Result<std::string> del(const Request& request) {
  Appliance appliance(request.config.socket);
  if (auto deleted = appliance.del(request); !deleted) return std::unexpected(deleted.error());
  if (request.config.ipam.is_null()) return std::string();
  auto ipam = Ipam::open(request);
  if (!ipam) return std::unexpected(ipam.error());
  if (auto released = ipam->del(); !released) return std::unexpected(released.error());
  return std::string();
}

Result<std::string> check(const Request& request) {
  if (request.config.previous_result.is_null()) {
    return fail(ErrorCode::kInvalidConfig, "CHECK needs prevResult");
  }
  auto addresses = addresses_of(request.config.previous_result);
  if (!addresses) return std::unexpected(addresses.error());
  Appliance appliance(request.config.socket);
  if (auto checked = appliance.check(request, *addresses); !checked) return std::unexpected(checked.error());
  auto ipam = Ipam::open(request);
  if (!ipam) return std::unexpected(ipam.error());
  if (auto checked = ipam->check(); !checked) return std::unexpected(checked.error());
  return std::string();
}

// GC. Host-local of Debian knows no GC: each attachment that the appliance collects is released by a DEL of its own.
Result<std::string> collect(const Request& request) {
  Appliance appliance(request.config.socket);
  auto deleted = appliance.collect(request);
  if (!deleted) return std::unexpected(deleted.error());
  if (request.config.ipam.is_null()) return std::string();
  auto ipam = Ipam::open(request);
  if (!ipam) return std::unexpected(ipam.error());
  for (const auto& [container, interface] : *deleted) {
    ::setenv("CNI_CONTAINERID", container.c_str(), 1);
    ::setenv("CNI_IFNAME", interface.c_str(), 1);
    if (auto released = ipam->del(); !released) return std::unexpected(released.error());
  }
  return std::string();
}

Result<std::string> status(const Request& request) {
  if (auto answered = Appliance(request.config.socket).status(); !answered) return std::unexpected(answered.error());
  if (request.config.ipam.is_null()) return std::string();
  auto ipam = Ipam::open(request);
  if (!ipam) return fail(ErrorCode::kNotAvailable, ipam.error().message, ipam.error().details);
  return std::string();
}

std::string versions() {
  json answer = {{"cniVersion", kNewestVersion}, {"supportedVersions", kVersions}};
  return answer.dump();
}

}  // namespace

Result<std::string> run(const Request& request) {
  switch (request.command) {
    case Command::kAdd: return add(request);
    case Command::kDel: return del(request);
    case Command::kCheck: return check(request);
    case Command::kGc: return collect(request);
    case Command::kStatus: return status(request);
    case Command::kVersion: return versions();
  }
  return std::string();
}

}  // namespace weft::cni
