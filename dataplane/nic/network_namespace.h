// Runs a function inside another network namespace.
#pragma once

#include <functional>
#include <string>

#include "dataplane/nic/system_error.h"

namespace weft::nic {

// In a thread of its own, which enters the namespace at `path` and ends with the function: the caller's thread never
// changes its namespace. An empty path means the caller's, in the caller's thread.
Outcome in_network_namespace(const std::string& path, const std::function<Outcome()>& function);

}  // namespace weft::nic
