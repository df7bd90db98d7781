// Each topic's document as a table.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace weft::cli {

// REQUIRES: `topic` is one that OperatorService answers. `config` has no table: its document is printed as JSON.
std::string format_document(const std::string& topic, const nlohmann::json& document);

}  // namespace weft::cli
