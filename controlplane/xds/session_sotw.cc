// The state-of-the-world half of session.h.
#include <envoy/service/discovery/v3/discovery.pb.h>

#include "controlplane/xds/session.h"

namespace weft::controlplane {
namespace {

constexpr std::string_view kHealthInformation = "type.googleapis.com/istio.v1.HealthInformation";
constexpr std::size_t slot(XdsType type) { return static_cast<std::size_t>(type); }

void add_resource(const Resource& resource, XdsType type, google::protobuf::Any* out) {
  out->set_type_url(std::string(type_url(type)));
  out->set_value(resource.body);
}

}  // namespace

std::optional<StreamError> SotwSession::on_request(const Request& request) {
  if (!view_) {
    if (request.type_url() == kHealthInformation) return std::nullopt;
    if (auto error = identify(request.has_node() ? &request.node() : nullptr)) return error;
  }
  const auto type = xds_type(request.type_url());
  if (!type) return std::nullopt;
  Watch& watch = watches_[slot(*type)];
  TypeStatus& status = status_of(*type);
  const bool first = !status.watched;
  if (request.has_error_detail()) {
    note_answer(*type, request.response_nonce(), &request.error_detail().message());
    return std::nullopt;
  }
  std::set<std::string> names(request.resource_names().begin(), request.resource_names().end());
  if (!is_wildcard(*type) && names.empty()) {
    status.watched = false;
    watch = {};
    return std::nullopt;
  }
  status.watched = true;
  if (!first && !note_answer(*type, request.response_nonce(), nullptr)) return std::nullopt;
  const bool opens = first || request.response_nonce().empty();
  for (const std::string& name : names) {
    if (opens || watch.names.contains(name)) continue;
    watch.due = true;
    watch.only.insert(name);
  }
  if (opens) {
    watch.due = true;
    watch.only.clear();
  }
  watch.names = std::move(names);
  return std::nullopt;
}

void SotwSession::mark(XdsType type, const std::set<std::string>& names) {
  Watch& watch = watches_[slot(type)];
  if (is_wildcard(type)) {
    watch.due = true;
  } else if (!watch.due || !watch.only.empty()) {  // not all of them due already
    for (const std::string& name : names) {
      if (watch.names.contains(name)) watch.only.insert(name);
    }
    watch.due = !watch.only.empty();
  }
  // Clients warm changed clusters again and wait for their endpoints.
  Watch& endpoints = watches_[slot(XdsType::kEndpoints)];
  if (type == XdsType::kCluster && !endpoints.names.empty()) {
    endpoints.due = true;
    endpoints.only.clear();
  }
}

bool SotwSession::poll_response(Response* out) {
  for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
    if (!watches_[i].due) continue;
    respond(static_cast<XdsType>(i), watches_[i], out);
    return true;
  }
  return false;
}

void SotwSession::respond(XdsType type, Watch& watch, Response* out) {
  out->Clear();
  std::vector<std::string> names;
  if (is_wildcard(type)) {
    names = view_->names(type);
  } else {
    const auto& wanted = watch.only.empty() ? watch.names : watch.only;
    names.assign(wanted.begin(), wanted.end());
  }
  for (const std::string& name : names) {
    if (const ResourcePtr resource = view_->find(type, name)) add_resource(*resource, type, out->add_resources());
  }
  watch.due = false;
  watch.only.clear();
  out->set_type_url(std::string(type_url(type)));
  out->set_version_info(system_version());
  out->set_nonce(next_nonce(type));
  out->mutable_control_plane()->set_identifier("weft-controlplane");
  events_.on_push(type);
}

}  // namespace weft::controlplane
