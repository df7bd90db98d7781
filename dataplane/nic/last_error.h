// Why DPDK refused: rte_errno says little, the lines that it logged say what.
#pragma once

#include <string>

namespace weft::nic {

// rte_errno's text and, behind it, the error lines that DPDK logged. Only from the thread that starts things.
std::string dpdk_error();

}  // namespace weft::nic
