#include "controlplane/config/proto_json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

namespace weft::controlplane {
namespace {

namespace pb = google::protobuf;
using Type = Value::Type;

// Walks the tree beside the message's descriptor. protobuf's own JSON parser decides in the end, but it stops at the
// first error and knows no lines.
class SchemaCheck {
 public:
  SchemaCheck(const std::set<std::string_view>& unread, FieldProblems& problems)
      : unread_(unread), problems_(problems) {}

  void check_message(const Value& value, const pb::Descriptor& type, const std::string& path, bool top) {
    if (!expect(value, Type::kMap, path)) return;
    for (const Member& member : value.members) {
      const std::string member_path = path.empty() ? member.key : path + '.' + member.key;
      const pb::FieldDescriptor* field = find_field(type, member.key);
      if (field) {
        check_field(member.value, *field, member_path);
      } else if (top && unread_.contains(member.key)) {
        add(ProblemCode::kFieldNotRead, member.position, member_path, "");
      } else {
        add(ProblemCode::kUnknownField, member.position, member_path, suggestion(type, member.key));
      }
    }
  }

 private:
  static const pb::FieldDescriptor* find_field(const pb::Descriptor& type, std::string_view name) {
    for (int i = 0; i < type.field_count(); ++i) {
      if (type.field(i)->json_name() == name) return type.field(i);
    }
    return nullptr;
  }

  static std::string suggestion(const pb::Descriptor& type, const std::string& name) {
    if (const pb::FieldDescriptor* field = type.FindFieldByName(name))
      return "did you mean " + field->json_name() + '?';
    std::string known;
    for (int i = 0; i < type.field_count(); ++i) known += (i ? ", " : "") + type.field(i)->json_name();
    return "known here: " + known;
  }

  void check_field(const Value& value, const pb::FieldDescriptor& field, const std::string& path) {
    if (value.type == Type::kNull) return;  // the same as absent
    if (field.is_map()) {
      if (!expect(value, Type::kMap, path)) return;
      for (const Member& member : value.members) {
        check_value(member.value, *field.message_type()->map_value(), path + '[' + member.key + ']');
      }
    } else if (field.is_repeated()) {
      if (!expect(value, Type::kList, path)) return;
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        check_value(value.items[i], field, path + '[' + std::to_string(i) + ']');
      }
    } else {
      check_value(value, field, path);
    }
  }

  void check_value(const Value& value, const pb::FieldDescriptor& field, const std::string& path) {
    switch (field.cpp_type()) {
      case pb::FieldDescriptor::CPPTYPE_MESSAGE: check_submessage(value, *field.message_type(), path); break;
      case pb::FieldDescriptor::CPPTYPE_STRING: expect(value, Type::kText, path); break;
      case pb::FieldDescriptor::CPPTYPE_BOOL: expect(value, Type::kBool, path); break;
      case pb::FieldDescriptor::CPPTYPE_ENUM: check_enum(value, *field.enum_type(), path); break;
      default: expect(value, Type::kInteger, path);
    }
  }

  void check_submessage(const Value& value, const pb::Descriptor& type, const std::string& path) {
    if (type.full_name() == "google.protobuf.Duration") {
      check_duration(value, path);
    } else if (type.full_name() == "google.protobuf.BoolValue") {
      expect(value, Type::kBool, path);
    } else {
      check_message(value, type, path, false);
    }
  }

  void check_duration(const Value& value, const std::string& path) {
    const std::string& text = value.text;
    const bool form = value.type == Type::kText && text.size() > 1 && text.back() == 's' &&
                      text.find_first_not_of("0123456789.-") == text.size() - 1;
    if (form) return;
    add(ProblemCode::kInvalid, value.position, path,
        "expected a duration in seconds such as \"10s\" or \"0.5s\", got \"" + text + '"');
  }

  void check_enum(const Value& value, const pb::EnumDescriptor& type, const std::string& path) {
    if (!expect(value, Type::kText, path) || type.FindValueByName(value.text)) return;
    std::string known;
    for (int i = 0; i < type.value_count(); ++i) known += (i ? ", " : "") + type.value(i)->name();
    add(ProblemCode::kInvalid, value.position, path, "expected one of " + known + ", got \"" + value.text + '"');
  }

  bool expect(const Value& value, Type wanted, const std::string& path) {
    if (value.type == wanted) return true;
    add(ProblemCode::kWrongType, value.position, path,
        "expected " + std::string(to_string(wanted)) + ", got " + std::string(to_string(value.type)) +
            (value.text.empty() ? "" : " (" + value.text.substr(0, 60) + "); quote it if text is meant"));
    return false;
  }

  void add(ProblemCode code, Position position, const std::string& path, std::string message) {
    problems_.push_back({code, position, path, std::move(message)});
  }

  const std::set<std::string_view>& unread_;
  FieldProblems& problems_;
};

Value without(const Value& value, const std::set<std::string_view>& names) {
  Value copy = value;
  std::erase_if(copy.members, [&names](const Member& member) { return names.contains(member.key); });
  return copy;
}

}  // namespace

bool read_message(const Value& value, const std::string& path, const std::set<std::string_view>& unread,
                  pb::Message& message, FieldProblems& problems) {
  FieldProblems found;
  SchemaCheck(unread, found).check_message(value, *message.GetDescriptor(), path, true);
  if (!has_errors(found)) {
    pb::util::JsonParseOptions strict;
    strict.ignore_unknown_fields = false;
    const std::string json = to_json(unread.empty() ? value : without(value, unread));
    if (auto status = pb::util::JsonStringToMessage(json, &message, strict); !status.ok()) {
      found.push_back({ProblemCode::kInvalid, value.position, path, std::string(status.message())});
    }
  }
  const bool good = !has_errors(found);
  problems.insert(problems.end(), found.begin(), found.end());
  return good;
}

}  // namespace weft::controlplane
