// One value of a strict YAML file: typed readers whose errors name file, line, column and key. For .cc files only
// (it brings yaml-cpp along).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "base/clock.h"
#include "base/ip_address.h"

namespace weft::agent {

// what(): "file:line:column: key: what is wrong".
class YamlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct YamlEntry;

class YamlValue {
 public:
  YamlValue(YAML::Node node, std::string_view file, std::string path)
      : node_(std::move(node)), file_(file), path_(std::move(path)) {}

  const YAML::Node& node() const { return node_; }
  const std::string& path() const { return path_; }
  [[noreturn]] void fail(std::string_view what) const;

  // Every reader fails on a value of another kind or out of bounds.
  std::string text() const;  // not empty
  bool boolean() const;      // true or false, nothing else
  std::uint32_t integer(std::uint32_t least, std::uint32_t most) const;
  Duration duration(Duration least, Duration most) const;              // "50us", "15s"; whole numbers only
  std::uint64_t bytes(std::uint64_t least, std::uint64_t most) const;  // "64KiB", "1MiB", "2GiB", "1500B"
  IpAddress address() const;
  IpPrefix prefix() const;             // host bits must be zero
  IpPrefix interface_address() const;  // address/length, host bits kept
  Endpoint endpoint() const;
  std::string host_port() const;  // "istiod:15012", "[::1]:15012"
  std::vector<YamlValue> list() const;
  // In order. Fails on a duplicate key, on a key without value and on anything but a mapping.
  std::vector<YamlEntry> entries() const;

  // For documents that hold more than we read (Kubernetes objects): nullopt where the key is absent or null.
  std::optional<YamlValue> find(std::string_view key) const;
  std::string plain() const;                                   // any scalar, may be empty
  std::string plain_at(std::string_view key) const;            // empty where absent
  std::vector<YamlValue> list_at(std::string_view key) const;  // empty where absent

  template <typename T>
  T one_of(std::initializer_list<std::pair<std::string_view, T>> choices) const {
    const std::string value = text();
    std::string all;
    for (const auto& [name, meaning] : choices) {
      if (name == value) return meaning;
      all += (all.empty() ? "" : ", ") + std::string(name);
    }
    fail("'" + value + "' is none of: " + all);
  }

 private:
  const std::string& scalar(std::string_view wanted) const;
  using Unit = std::pair<std::string_view, std::uint64_t>;
  std::uint64_t with_unit(std::span<const Unit> units, std::string_view example) const;

  YAML::Node node_;
  std::string_view file_;
  std::string path_;
};

struct YamlEntry {
  std::string name;
  YamlValue key;  // for errors about the key itself
  YamlValue value;
};

}  // namespace weft::agent
