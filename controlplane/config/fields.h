// Reading a tree of values into a struct: each read says what type it wants, and what is wrong goes to one list with
// path and place. Absent and null are the same and give the default, as in Kubernetes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "controlplane/config/yaml_tree.h"

namespace weft::controlplane {

struct FieldProblem {
  ProblemCode code = ProblemCode::kInvalid;
  Position position;
  std::string field;
  std::string message;
};
using FieldProblems = std::vector<FieldProblem>;

bool has_errors(const FieldProblems& problems);

// A map inside a document, or an absent one (which reads as empty). Owns: nothing; the tree and `problems` outlive it.
class Fields {
 public:
  Fields(const Value* map, std::string path, FieldProblems& problems);

  bool present() const { return map_ != nullptr; }
  const Value* find(std::string_view key) const;  // nullptr: absent or null
  std::string path_of(std::string_view key) const;

  std::string text(std::string_view key, std::string_view otherwise = "");
  bool boolean(std::string_view key, bool otherwise);
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise);
  std::uint16_t port(std::string_view key);  // 1..65535; 0: absent
  Fields map(std::string_view key);
  std::vector<Fields> maps(std::string_view key);             // a list of maps
  std::vector<std::string> texts(std::string_view key);       // a list of text
  std::map<std::string, std::string> text_map(std::string_view key);
  std::vector<IpAddress> addresses(std::string_view key);     // a list of IP addresses

  void report(ProblemCode code, std::string_view key, std::string message);

 private:
  const Value* typed(std::string_view key, Value::Type type);
  void wrong_type(const Value& value, std::string path, Value::Type wanted);

  const Value* map_;
  std::string path_;
  FieldProblems* problems_;
};

}  // namespace weft::controlplane
