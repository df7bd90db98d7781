#include "controlplane/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "controlplane/config/yaml_scalar.h"

namespace weft::controlplane {
namespace {

constexpr std::size_t kValuesMax = 1u << 20;
constexpr std::size_t kLevelsMax = 100;

Position position_of(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

struct TreeError : std::runtime_error {
  TreeError(Position where, const std::string& what) : std::runtime_error(what), position(where) {}
  Position position;
};

// Builds one document's tree from the parser's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp reads a stray ',' as an empty document and does not pass over it: without this, for ever.
    if (mark.pos == start_) throw TreeError(position_of(mark), "no value can begin here");
    start_ = mark.pos;
    root_ = {};
    anchors_.clear();
    values_ = 0;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_scalar(mark, "?", anchor, ""); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    add_scalar(mark, tag, anchor, text);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw TreeError(position_of(mark), "an alias inside the value that it names");
    Value copy = found->second;
    count(copy, position_of(mark));
    add(std::move(copy));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Value::Type::kList, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Value::Type::kMap, mark, anchor);
  }
  void OnMapEnd() override { close(); }

  Value take() { return std::move(root_); }

 private:
  struct Open {
    Value value;
    YAML::anchor_t anchor;
    bool have_key = false;
    Member member;
    std::set<std::string> keys;
  };

  void add_scalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) {
    Value value;
    value.position = position_of(mark);
    if (auto wrong = resolve_scalar(tag, text, value)) throw TreeError(value.position, *wrong);
    count_one(value.position);
    if (anchor) anchors_[anchor] = value;
    add(std::move(value));
  }

  void open(Value::Type type, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Open level;
    level.value.type = type;
    level.value.position = position_of(mark);
    level.anchor = anchor;
    if (open_.size() >= kLevelsMax) throw TreeError(level.value.position, "more than 100 levels deep");
    count_one(level.value.position);
    open_.push_back(std::move(level));
  }

  void close() {
    Open level = std::move(open_.back());
    open_.pop_back();
    if (level.anchor) anchors_[level.anchor] = level.value;
    add(std::move(level.value));
  }

  void add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Open& level = open_.back();
    if (level.value.type == Value::Type::kList) {
      level.value.items.push_back(std::move(value));
    } else if (!level.have_key) {
      add_key(level, value);
    } else {
      level.member.value = std::move(value);
      level.value.members.push_back(std::move(level.member));
      level.have_key = false;
    }
  }

  static void add_key(Open& level, const Value& key) {
    if (key.type == Value::Type::kList || key.type == Value::Type::kMap) {
      throw TreeError(key.position, "a map key must be a scalar");
    }
    if (key.text == "<<") throw TreeError(key.position, "merge keys (<<) are not supported");
    if (!level.keys.insert(key.text).second) throw TreeError(key.position, "key \"" + key.text + "\" occurs twice");
    level.member = {key.text, key.position, {}};
    level.have_key = true;
  }

  void count_one(Position position) {
    if (++values_ > kValuesMax) throw TreeError(position, "more than 1048576 values in one document");
  }
  void count(const Value& value, Position position) {
    count_one(position);
    for (const Value& item : value.items) count(item, position);
    for (const Member& member : value.members) count(member.value, position);
  }

  int start_ = -1;  // offset of the document that was begun last
  Value root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Value> anchors_;
  std::size_t values_ = 0;
};

void append_json(const Value& value, std::string& out);

void append_text(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_map(const Value& value, std::string& out) {
  out += '{';
  for (const Member& member : value.members) {
    if (&member != value.members.data()) out += ',';
    append_text(member.key, out);
    out += ':';
    append_json(member.value, out);
  }
  out += '}';
}

void append_json(const Value& value, std::string& out) {
  switch (value.type) {
    case Value::Type::kNull: out += "null"; break;
    case Value::Type::kBool: out += value.boolean ? "true" : "false"; break;
    case Value::Type::kInteger: out += std::to_string(value.integer); break;
    case Value::Type::kNumber: out += json_number(value.text); break;
    case Value::Type::kText: append_text(value.text, out); break;
    case Value::Type::kMap: append_map(value, out); break;
    case Value::Type::kList:
      out += '[';
      for (const Value& item : value.items) {
        if (&item != value.items.data()) out += ',';
        append_json(item, out);
      }
      out += ']';
  }
}

}  // namespace

const Member* Value::find_member(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

const Value* Value::find(std::string_view key) const {
  const Member* member = find_member(key);
  return member ? &member->value : nullptr;
}

std::string_view to_string(Value::Type type) {
  switch (type) {
    case Value::Type::kNull: return "null";
    case Value::Type::kBool: return "a boolean";
    case Value::Type::kInteger: return "an integer";
    case Value::Type::kNumber: return "a number";
    case Value::Type::kText: return "text";
    case Value::Type::kList: return "a list";
    case Value::Type::kMap: return "a map";
  }
  return "?";
}

std::expected<std::vector<Value>, YamlError> parse_yaml(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<Value> documents;
  try {
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
      Value root = builder.take();
      if (root.type != Value::Type::kNull) documents.push_back(std::move(root));
    }
  } catch (const TreeError& error) {
    return std::unexpected(YamlError{error.position, error.what()});
  } catch (const YAML::Exception& error) {
    return std::unexpected(YamlError{position_of(error.mark), error.msg});
  }
  return documents;
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(value, out);
  return out;
}

namespace {

struct Found {
  const Value* value;  // nullptr: the path does not lead to the end
  Position position;
};

Found follow(const Value& root, std::string_view path) {
  const Value* at = &root;
  Position position = root.position;
  while (!path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.starts_with('[')) {
      std::size_t index = 0;
      const std::size_t close = path.find(']');
      if (close == path.npos) return {nullptr, position};
      const char* last = path.data() + close;
      if (std::from_chars(path.data() + 1, last, index).ptr != last || index >= at->items.size())
        return {nullptr, position};
      at = &at->items[index];
      position = at->position;
      path.remove_prefix(close + 1);
    } else {
      const std::string_view key = path.substr(0, path.find_first_of(".["));
      const Member* member = at->find_member(key);
      if (!member) return {nullptr, position};
      at = &member->value;
      position = member->position;
      path.remove_prefix(key.size());
    }
  }
  return {at, position};
}

}  // namespace

const Value* find_value(const Value& root, std::string_view path) { return follow(root, path).value; }
Position locate(const Value& root, std::string_view path) { return follow(root, path).position; }

}  // namespace weft::controlplane
