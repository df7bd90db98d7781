// What the plugin does for each command. Returns what goes to stdout.
#pragma once

#include <string>

#include "cni/error.h"
#include "cni/request.h"

namespace weft::cni {

Result<std::string> run(const Request& request);

}  // namespace weft::cni
