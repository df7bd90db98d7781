// Tables for people, as kubectl prints them.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

// Columns as wide as their widest cell, three spaces between; an empty cell is "-".
std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

// 90061000 -> "25h", 61000 -> "61s": the coarsest unit that keeps two digits, as kubectl's ages.
std::string format_age(long long milliseconds);

}  // namespace weft::cli
