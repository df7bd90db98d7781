#include "cni/error.h"

#include <nlohmann/json.hpp>

namespace weft::cni {

std::string to_json(const Error& error, const std::string& cni_version) {
  nlohmann::ordered_json json = {
      {"cniVersion", cni_version}, {"code", static_cast<unsigned>(error.code)}, {"msg", error.message}};
  if (!error.details.empty()) json["details"] = error.details;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace weft::cni
