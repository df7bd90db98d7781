// YAML as the JSON tree that Kubernetes sees in it, with the place of every value.
//
// Plain scalars are resolved as Kubernetes' YAML reader does it (YAML 1.1: `yes`, `on`, `y` are booleans, `0644` is
// octal), so that a value means here what it means in a cluster.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/problem.h"

namespace weft::controlplane {

struct Member;

struct Value {
  enum class Type : std::uint8_t { kNull, kBool, kInteger, kNumber, kText, kList, kMap };
  Type type = Type::kNull;
  Position position;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string text;             // kText: the text; other scalars: as it stands in the file
  std::vector<Value> items;     // kList
  std::vector<Member> members;  // kMap, in the order of the file; no key twice

  // REQUIRES nothing: a value that is no map has no members. nullptr: absent.
  const Value* find(std::string_view key) const;
  const Member* find_member(std::string_view key) const;
};
std::string_view to_string(Value::Type type);  // "a list"

struct Member {
  std::string key;
  Position position;  // of the key
  Value value;
};

// One object of a file. `origin` is the file as the source calls it.
class Document {
 public:
  Document(std::string origin_name, Value value) : origin(std::move(origin_name)), root(std::move(value)) {}
  std::string origin;
  Value root;
};

struct YamlError {
  Position position;
  std::string message;
};

// Every document of a text; empty documents are left out. Bounds: 1 Mi values (aliases count as often as they are
// used), 100 levels.
std::expected<std::vector<Value>, YamlError> parse_yaml(std::string_view text);

std::string to_json(const Value& value);

// The value of "a.b[2].c" in a tree; nullptr: absent.
const Value* find_value(const Value& root, std::string_view path);
// Its place (that of its key, where it has one), or that of its nearest ancestor that is there.
Position locate(const Value& root, std::string_view path);

}  // namespace weft::controlplane
