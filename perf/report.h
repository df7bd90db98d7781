// A table for people, and its figures as one JSON object for programs.
#pragma once

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace weft::perf {

class Report {
 public:
  void title(const char* text, const char* unit) { std::printf("\n%-64s %12s\n", text, unit); }
  void row(const std::string& text, const std::string& key, double value) {
    std::printf("%-64s %12.0f\n", text.c_str(), value);
    figures_.emplace_back(key, value);
  }
  void ratio(const std::string& text, const std::string& key, double value) {
    std::printf("%-64s %12.2f\n", text.c_str(), value);
    figures_.emplace_back(key, value);
  }
  void print_json() const {
    std::printf("\n{");
    for (std::size_t i = 0; i < figures_.size(); ++i) {
      std::printf("%s\"%s\": %.2f", i == 0 ? "" : ", ", figures_[i].first.c_str(), figures_[i].second);
    }
    std::printf("}\n");
  }

 private:
  std::vector<std::pair<std::string, double>> figures_;
};

}  // namespace weft::perf
