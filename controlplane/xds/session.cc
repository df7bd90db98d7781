#include "controlplane/xds/session.h"

#include <envoy/service/discovery/v3/discovery.pb.h>

#include "base/log.h"

namespace weft::controlplane {
namespace {

// gRPC clients take 4 MiB by default; what does not fit comes in the next response.
constexpr std::size_t kResponseBytesMax = 1 << 20;
constexpr std::string_view kHealthInformation = "type.googleapis.com/istio.v1.HealthInformation";
constexpr std::size_t slot(XdsType type) { return static_cast<std::size_t>(type); }

void set_any(const Resource& resource, XdsType type, google::protobuf::Any* out) {
  out->set_type_url(std::string(type_url(type)));
  out->set_value(resource.body);
}

}  // namespace

Session::Session(std::shared_ptr<const World> world, ProxyCheck check, SessionEvents events)
    : events_(std::move(events)), world_(std::move(world)), check_(std::move(check)) {}

void Session::on_world(std::shared_ptr<const World> world) {
  if (world->version() <= world_->version()) return;
  world_ = world;
  if (!view_) return;
  const Names changed = view_->advance(std::move(world));
  for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
    const auto type = static_cast<XdsType>(i);
    if (statuses_[i].watched && !changed[i].empty()) mark(type, changed[i]);
  }
}

std::optional<StreamError> Session::identify(const envoy::config::core::v3::Node* node) {
  if (!node || node->id().empty()) {
    return StreamError{StreamErrorCode::kInvalidArgument, "missing node information"};
  }
  auto proxy = proxy_of_node(*node);
  if (!proxy) return StreamError{StreamErrorCode::kInvalidArgument, proxy.error()};
  if (auto refused = check_(*proxy)) return refused;
  view_.emplace(world_, std::move(*proxy));
  return std::nullopt;
}

std::string Session::next_nonce(XdsType type) {
  TypeStatus& status = status_of(type);
  status.sent_nonce = system_version() + "-" + std::to_string(++nonces_);
  return status.sent_nonce;
}

std::string Session::system_version() const { return std::to_string(view_->world().version()); }

bool Session::note_answer(XdsType type, const std::string& nonce, const std::string* error) {
  TypeStatus& status = status_of(type);
  if (error) {
    status.error = *error;
    events_.on_reject(type, *error);
    log_warning("xds", view_->proxy().id + " rejects " + std::string(short_name(type)) + ": " + *error);
  }
  if (nonce.empty()) return true;
  if (nonce != status.sent_nonce) {
    events_.on_stale_nonce();
    return false;
  }
  status.acked_nonce = nonce;
  if (!error) status.error.clear();
  return true;
}

std::optional<StreamError> DeltaSession::on_request(const Request& request) {
  if (!view_) {
    if (request.type_url() == kHealthInformation) return std::nullopt;
    if (auto error = identify(request.has_node() ? &request.node() : nullptr)) return error;
  }
  const auto type = xds_type(request.type_url());
  if (!type) {
    if (request.type_url() != kHealthInformation) {
      log_info("xds", view_->proxy().id + " asks for " + request.type_url() + ", which is not served");
    }
    return std::nullopt;
  }
  Watch& watch = watches_[slot(*type)];
  TypeStatus& status = status_of(*type);
  if (!status.watched) {
    status.watched = true;
    subscribe_first(*type, watch, request);
    return std::nullopt;
  }
  const std::string* error = request.has_error_detail() ? &request.error_detail().message() : nullptr;
  // A stale nonce makes the acknowledgement void, not the subscription that may ride on it: names are state of the
  // client that it will not repeat.
  note_answer(*type, request.response_nonce(), error);
  subscribe(*type, watch, request);
  return std::nullopt;
}

// The first request of a type on a stream. After a reconnect it names what the client still has.
void DeltaSession::subscribe_first(XdsType type, Watch& watch, const Request& request) {
  for (const auto& [name, version] : request.initial_resource_versions()) {
    watch.sent[name] = version;
    if (!is_wildcard(type)) watch.names.insert(name);
    watch.due.insert(name);
  }
  bool starred = false, unstarred = false;
  for (const std::string& name : request.resource_names_subscribe()) {
    if (name == "*") {
      starred = true;
    } else {
      watch.names.insert(name);
      watch.due.insert(name);
    }
  }
  for (const std::string& name : request.resource_names_unsubscribe()) {
    if (name == "*") unstarred = true;
    else drop(watch, name);
  }
  const bool bare = request.resource_names_subscribe().empty();
  if (is_wildcard(type) && (starred || bare) && !unstarred) start_wildcard(type, watch);
  watch.answer = true;
}

void DeltaSession::subscribe(XdsType type, Watch& watch, const Request& request) {
  for (const std::string& name : request.resource_names_unsubscribe()) {
    if (name == "*") watch.wildcard = false;
    else drop(watch, name);
  }
  for (const std::string& name : request.resource_names_subscribe()) {
    if (name == "*") {
      if (is_wildcard(type)) start_wildcard(type, watch);
      watch.answer = true;
      continue;
    }
    // Asked for again, it is sent again: the client may have dropped it.
    watch.names.insert(name);
    watch.sent.erase(name);
    watch.due.insert(name);
  }
}

void DeltaSession::start_wildcard(XdsType type, Watch& watch) {
  watch.wildcard = true;
  for (std::string& name : view_->names(type)) watch.due.insert(std::move(name));
}

void DeltaSession::drop(Watch& watch, const std::string& name) {
  watch.names.erase(name);
  watch.sent.erase(name);
  watch.due.erase(name);
}

void DeltaSession::mark(XdsType type, const std::set<std::string>& names) {
  Watch& watch = watches_[slot(type)];
  for (const std::string& name : names) {
    if (watch.wildcard || watch.names.contains(name)) watch.due.insert(name);
  }
}

// A client that receives a changed cluster warms it again and waits for endpoints, without asking for them.
void DeltaSession::resend_endpoints(const std::string& cluster) {
  Watch& watch = watches_[slot(XdsType::kEndpoints)];
  if (!watch.names.contains(cluster)) return;
  watch.sent.erase(cluster);
  watch.due.insert(cluster);
}

bool DeltaSession::poll_response(Response* out) {
  for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
    Watch& watch = watches_[i];
    if (watch.due.empty() && !watch.answer) continue;
    if (respond(static_cast<XdsType>(i), watch, out)) return true;
  }
  return false;
}

bool DeltaSession::respond(XdsType type, Watch& watch, Response* out) {
  out->Clear();
  std::size_t bytes = 0;
  while (!watch.due.empty() && bytes < kResponseBytesMax) {
    const std::string name = std::move(watch.due.extract(watch.due.begin()).value());
    const ResourcePtr resource = view_->find(type, name);
    const auto sent = watch.sent.find(name);
    const bool by_name = watch.names.contains(name);
    if (!resource) {
      // Told once: what was there is gone, or what was asked for by name is not there.
      const bool told = sent != watch.sent.end() ? sent->second.empty() : !by_name;
      if (!told) out->add_removed_resources(name);
      if (by_name) watch.sent[name].clear();
      else if (sent != watch.sent.end()) watch.sent.erase(sent);
      continue;
    }
    if (sent != watch.sent.end() && sent->second == resource->version) continue;
    watch.sent[name] = resource->version;
    auto* added = out->add_resources();
    added->set_name(name);
    added->set_version(resource->version);
    set_any(*resource, type, added->mutable_resource());
    bytes += resource->body.size();
    if (type == XdsType::kCluster) resend_endpoints(name);
  }
  if (out->resources().empty() && out->removed_resources().empty() && !watch.answer) return false;
  watch.answer = false;
  out->set_type_url(std::string(type_url(type)));
  out->set_system_version_info(system_version());
  out->set_nonce(next_nonce(type));
  out->mutable_control_plane()->set_identifier("weft-controlplane");
  events_.on_push(type);
  return true;
}

}  // namespace weft::controlplane
