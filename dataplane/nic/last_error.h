// Why DPDK refused: rte_errno says little, the line that it logged says what.
#pragma once

#include <string>

namespace weft::nic {

// rte_errno's text and, behind it, the last error line that DPDK logged. Only from the thread that starts things.
std::string dpdk_error();

}  // namespace weft::nic
