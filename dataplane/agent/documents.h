// The operator's questions as JSON documents (OperatorService.Query). Times are RFC 3339, counts are numbers.
//
//   status       {node, version, started, control_plane{}, pods{attached, in_mesh, ready}, dataplane{}, problems[]}
//   pods         {pods: [{namespace, name, uid, interface, addresses[], in_mesh, identity, ready, lacks[], xds{}...}]}
//   connections  {connections: [ConnectionRecord with namespace and pod]}
//   config       {pods: [{namespace, name, clusters[], endpoints[], listeners[]}]}, Envoy's resources as JSON
//   certs        {certificates: [{identity, serial, not_before, not_after, roots[], next_attempt, last_error, ...}]}
//   explain      {decisions: [DecisionRecord with namespace and pod]}, newest first
//   drops        {drops: [{layer, name, text, count}]}
//
// Arguments: `namespace` and `pod` narrow pods, connections, config, explain; `limit` connections and explain; `type`
// (clusters, endpoints, listeners) and `name` config; `all` = "true" shows drops that are zero.
#pragma once

#include <expected>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "dataplane/agent/introspection.h"
#include "dataplane/agent/report.h"

namespace weft::agent {

using QueryArguments = std::map<std::string, std::string>;

// Error: which topic or argument is unknown or wrong, or which pod is not there.
std::expected<nlohmann::json, std::string> answer_query(const std::string& topic, const QueryArguments& arguments,
                                                        const AgentReport& report, Introspection& introspection);

}  // namespace weft::agent
