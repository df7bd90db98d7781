// weftctl's line to a node's appliance: OperatorService over its UNIX socket.
#pragma once

#include <expected>
#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace weft::cli {

struct QueryError {
  bool usage = false;  // the question was wrong, not the answer late
  std::string text;
};

// Asks one question; an answer takes at most ten seconds.
std::expected<nlohmann::json, QueryError> query(const std::string& socket, const std::string& topic,
                                                const std::map<std::string, std::string>& arguments);

}  // namespace weft::cli
