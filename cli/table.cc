#include "cli/table.h"

#include <algorithm>

namespace weft::cli {

std::string format_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& title : header) widths.push_back(title.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max({widths[i], row[i].size(), std::size_t{1}});
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string& cell = row[i].empty() ? "-" : row[i];
      text += cell;
      if (i + 1 < row.size()) text.append(widths[i] - cell.size() + 3, ' ');
    }
    text += '\n';
  };
  add(header);
  for (const auto& row : rows) add(row);
  return text;
}

std::string format_age(long long milliseconds) {
  const long long seconds = milliseconds / 1000;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

}  // namespace weft::cli
