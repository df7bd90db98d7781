#include "dataplane/agent/xds_session.h"

#include <algorithm>
#include <functional>

#include "base/log.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weft::agent {

using mesh::XdsType;

std::shared_ptr<const std::string> ContentCache::intern(const std::string& content) {
  const std::size_t hash = std::hash<std::string>()(content);
  const auto [first, last] = entries_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (auto held = it->second.lock(); held && *held == content) return held;
  }
  if (entries_.size() >= sweep_at_) {
    std::erase_if(entries_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max<std::size_t>(1024, entries_.size() * 2);
  }
  auto fresh = std::make_shared<const std::string>(content);
  entries_.emplace(hash, fresh);
  return fresh;
}

XdsSession::XdsSession(XdsCaches& caches) : caches_(caches), builder_(caches.parsed) {
  for (const XdsType type : {XdsType::kCluster, XdsType::kEndpoints, XdsType::kListener}) types_[type];
}

XdsSession::~XdsSession() = default;

const std::map<std::string, XdsResource>& XdsSession::resources(XdsType type) const { return types_.at(type).held; }
const XdsTypeStatus& XdsSession::status(XdsType type) const { return types_.at(type).status; }

DeltaRequest XdsSession::first_request(XdsType type, const std::vector<std::string>& names) const {
  DeltaRequest request;
  request.set_type_url(std::string(mesh::type_url(type)));
  for (const std::string& name : names) request.add_resource_names_subscribe(name);
  for (const auto& [name, resource] : types_.at(type).held) {
    (*request.mutable_initial_resource_versions())[name] = resource.version;
  }
  return request;
}

std::vector<DeltaRequest> XdsSession::open(const std::string& node) {
  endpoints_asked_.clear();
  endpoints_opened_ = false;
  std::vector<DeltaRequest> out{first_request(XdsType::kCluster, {"*"}), first_request(XdsType::kListener, {"*"})};
  follow_endpoints(out);
  // The server takes it from the stream's first message and wants it nowhere else.
  out.front().mutable_node()->ParseFromString(node);
  return out;
}

void XdsSession::forget(XdsType type, const std::string& name) {
  builder_.remove(type, name);
  types_[type].held.erase(name);
  types_[type].status.refused.erase(name);
}

std::string XdsSession::apply(XdsType type, const DeltaResponse& response) {
  Type& state = types_[type];
  std::string reasons;
  // Removals first: an address may move from one listener to another within a response.
  for (const std::string& name : response.removed_resources()) forget(type, name);
  for (const auto& resource : response.resources()) {
    const std::string& name = resource.name();
    std::optional<std::string> refused;
    if (resource.resource().type_url() != mesh::type_url(type)) {
      refused = name + ": is a " + resource.resource().type_url() + " in a response of " + response.type_url();
    } else {
      refused = builder_.upsert(type, name, resource.resource().value());
    }
    if (refused) {
      state.status.refused[name] = *refused;
      reasons += (reasons.empty() ? "" : "; ") + *refused;
      continue;
    }
    state.status.refused.erase(name);
    state.held[name] = {resource.version(), resource.resource().type_url(),
                        caches_.raw.intern(resource.resource().value())};
  }
  builder_.mark_received(type);
  ++state.status.responses;
  state.status.version = response.system_version_info();
  if (!reasons.empty()) ++state.status.rejected;
  return reasons;
}

// Subscribes to the endpoint sets that clusters refer to, and leaves those that none does.
void XdsSession::follow_endpoints(std::vector<DeltaRequest>& out) {
  const std::vector<std::string> wanted = builder_.wanted_endpoints();
  const std::set<std::string> now(wanted.begin(), wanted.end());
  std::vector<std::string> gone;
  for (const auto& [name, resource] : types_[XdsType::kEndpoints].held) {
    if (!now.contains(name)) gone.push_back(name);
  }
  for (const std::string& name : gone) forget(XdsType::kEndpoints, name);
  if (!endpoints_opened_) {
    // Without a name this would be a subscription to everything.
    if (wanted.empty()) return;
    out.push_back(first_request(XdsType::kEndpoints, wanted));
    endpoints_opened_ = true;
    endpoints_asked_ = now;
    return;
  }
  DeltaRequest change;
  change.set_type_url(std::string(mesh::type_url(XdsType::kEndpoints)));
  for (const std::string& name : now) {
    if (!endpoints_asked_.contains(name)) change.add_resource_names_subscribe(name);
  }
  for (const std::string& name : endpoints_asked_) {
    if (!now.contains(name)) change.add_resource_names_unsubscribe(name);
  }
  endpoints_asked_ = now;
  if (change.resource_names_subscribe_size() + change.resource_names_unsubscribe_size() > 0) out.push_back(change);
}

std::vector<DeltaRequest> XdsSession::receive(const DeltaResponse& response) {
  std::vector<DeltaRequest> out(1);
  DeltaRequest& answer = out.front();
  answer.set_type_url(response.type_url());
  answer.set_response_nonce(response.nonce());
  const auto type = mesh::xds_type_of(response.type_url());
  const std::string reasons = type ? apply(*type, response) : response.type_url() + " was not subscribed to";
  if (!reasons.empty()) {
    log_warning("xds", "refused: " + reasons);
    answer.mutable_error_detail()->set_code(3);  // google.rpc.Code.INVALID_ARGUMENT
    answer.mutable_error_detail()->set_message(reasons);
  }
  if (type) follow_endpoints(out);
  return out;
}

}  // namespace weft::agent
