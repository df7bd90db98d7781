#include "controlplane/config/fields.h"

#include <algorithm>

namespace weft::controlplane {

bool has_errors(const FieldProblems& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const FieldProblem& p) { return severity_of(p.code) == Severity::kError; });
}

Fields::Fields(const Value* map, std::string path, FieldProblems& problems)
    : map_(map), path_(std::move(path)), problems_(&problems) {
  if (map_ && map_->type != Value::Type::kMap) {
    if (map_->type != Value::Type::kNull) wrong_type(*map_, path_, Value::Type::kMap);
    map_ = nullptr;
  }
}

const Value* Fields::find(std::string_view key) const {
  const Value* value = map_ ? map_->find(key) : nullptr;
  return value && value->type != Value::Type::kNull ? value : nullptr;
}

std::string Fields::path_of(std::string_view key) const {
  if (path_.empty()) return std::string(key);
  return path_ + '.' + std::string(key);
}

void Fields::wrong_type(const Value& value, std::string path, Value::Type wanted) {
  std::string message = "expected " + std::string(to_string(wanted)) + ", got " + std::string(to_string(value.type));
  const bool secret = path.starts_with("data") || path.starts_with("stringData");  // of Secrets: not to be logged
  if (!secret && value.type != Value::Type::kList && value.type != Value::Type::kMap) {
    message += " (" + value.text.substr(0, 60) + ")";
    if (wanted == Value::Type::kText) message += "; quote it if text is meant";
  }
  problems_->push_back({ProblemCode::kWrongType, value.position, std::move(path), std::move(message)});
}

const Value* Fields::typed(std::string_view key, Value::Type type) {
  const Value* value = find(key);
  if (!value || value->type == type) return value;
  wrong_type(*value, path_of(key), type);
  return nullptr;
}

std::string Fields::text(std::string_view key, std::string_view otherwise) {
  const Value* value = typed(key, Value::Type::kText);
  return value ? value->text : std::string(otherwise);
}

bool Fields::boolean(std::string_view key, bool otherwise) {
  const Value* value = typed(key, Value::Type::kBool);
  return value ? value->boolean : otherwise;
}

std::int64_t Fields::integer(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise) {
  const Value* value = typed(key, Value::Type::kInteger);
  if (!value) return otherwise;
  if (value->integer >= least && value->integer <= most) return value->integer;
  report(ProblemCode::kInvalid, key,
         "expected " + std::to_string(least) + " to " + std::to_string(most) + ", got " + value->text);
  return otherwise;
}

std::uint16_t Fields::port(std::string_view key) { return static_cast<std::uint16_t>(integer(key, 1, 65535, 0)); }

Fields Fields::map(std::string_view key) { return Fields(find(key), path_of(key), *problems_); }

std::vector<Fields> Fields::maps(std::string_view key) {
  std::vector<Fields> all;
  const Value* list = typed(key, Value::Type::kList);
  for (std::size_t i = 0; list && i < list->items.size(); ++i) {
    const Value& item = list->items[i];
    std::string path = path_of(key) + '[' + std::to_string(i) + ']';
    if (item.type == Value::Type::kMap) {
      all.emplace_back(&item, std::move(path), *problems_);
    } else {
      wrong_type(item, std::move(path), Value::Type::kMap);
    }
  }
  return all;
}

std::vector<std::string> Fields::texts(std::string_view key) {
  std::vector<std::string> all;
  const Value* list = typed(key, Value::Type::kList);
  for (std::size_t i = 0; list && i < list->items.size(); ++i) {
    const Value& item = list->items[i];
    if (item.type == Value::Type::kText) {
      all.push_back(item.text);
    } else {
      wrong_type(item, path_of(key) + '[' + std::to_string(i) + ']', Value::Type::kText);
    }
  }
  return all;
}

std::map<std::string, std::string> Fields::text_map(std::string_view key) {
  std::map<std::string, std::string> all;
  const Value* value = typed(key, Value::Type::kMap);
  if (!value) return all;
  for (const Member& member : value->members) {
    if (member.value.type == Value::Type::kText) {
      all.emplace(member.key, member.value.text);
    } else if (member.value.type == Value::Type::kNull) {
      all.emplace(member.key, "");
    } else {
      wrong_type(member.value, path_of(key) + '[' + member.key + ']', Value::Type::kText);
    }
  }
  return all;
}

std::vector<IpAddress> Fields::addresses(std::string_view key) {
  std::vector<IpAddress> all;
  const std::vector<std::string> given = texts(key);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (auto address = IpAddress::parse(given[i])) {
      all.push_back(*address);
    } else {
      report(ProblemCode::kInvalid, std::string(key) + '[' + std::to_string(i) + ']', "not an IP address: " + given[i]);
    }
  }
  return all;
}

void Fields::report(ProblemCode code, std::string_view key, std::string message) {
  const Position position = map_ ? locate(*map_, key) : Position{};
  problems_->push_back({code, position, path_of(key), std::move(message)});
}

}  // namespace weft::controlplane
