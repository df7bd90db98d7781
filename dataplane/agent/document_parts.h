// Single records as JSON, for documents.h. For .cc files only.
#pragma once

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "dataplane/agent/introspection.h"
#include "dataplane/agent/report.h"

namespace weft::agent {

inline constexpr std::pair<mesh::XdsType, const char*> kXdsTitles[] = {{mesh::XdsType::kCluster, "clusters"},
                                                                       {mesh::XdsType::kEndpoints, "endpoints"},
                                                                       {mesh::XdsType::kListener, "listeners"}};

nlohmann::json rfc3339(std::int64_t unix_seconds);  // null for 0
nlohmann::json pod_document(const PodReport& report);
nlohmann::json certificate_document(const CertificateStatus& status);
// Without the pod's name: that is the asker's to add.
nlohmann::json connection_document(const ConnectionRecord& record);
nlohmann::json decision_document(const DecisionRecord& record);

}  // namespace weft::agent
