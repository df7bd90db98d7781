#include "mesh/xds_support.h"

#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace weft::mesh {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// "envoy.config.listener.v3.Listener.name" -> its row.
absl::flat_hash_map<std::string, Support> index_fields() {
  absl::flat_hash_map<std::string, Support> index;
  for (const FieldSupport& row : field_support())
    for (std::string_view rest = row.fields; !rest.empty();) {
      std::string_view field = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), field.size() + 1));
      if (!field.empty()) index[std::string(row.message) + "." + std::string(field)] = row.support;
    }
  return index;
}

std::optional<Support> support_of(const FieldDescriptor& field) {
  static const auto& index = *new absl::flat_hash_map<std::string, Support>(index_fields());
  auto found = index.find(field.full_name());
  if (found == index.end()) return std::nullopt;
  return found->second;
}

// Duration, Struct, Any, wrappers: values, read by whoever knows the field.
bool is_value(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
         field.message_type()->full_name().starts_with("google.protobuf.");
}

std::optional<std::string> walk(const Message& message);

std::optional<std::string> walk_repeated(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& element = reflection.GetRepeatedMessage(message, &field, i);
    std::string key = std::to_string(i);
    std::optional<std::string> found;
    if (field.is_map()) {
      const FieldDescriptor& value = *field.message_type()->map_value();
      if (is_value(value)) continue;
      key = '"' + element.GetReflection()->GetString(element, field.message_type()->map_key()) + '"';
      found = walk(element.GetReflection()->GetMessage(element, &value));
    } else {
      found = walk(element);
    }
    if (found) return field.name() + "[" + key + "]." + *found;
  }
  return std::nullopt;
}

std::optional<std::string> walk(const Message& message) {
  const Reflection& reflection = *message.GetReflection();
  if (const auto& unknown = reflection.GetUnknownFields(message); !unknown.empty())
    return "(field number " + std::to_string(unknown.field(0).number()) + ")";
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    std::optional<Support> support = support_of(*field);
    if (!support) return field->name();
    if (*support != Support::kHonoured || (is_value(*field) && !field->is_map())) continue;
    if (field->is_repeated()) {
      if (auto found = walk_repeated(message, *field)) return found;
    } else if (auto found = walk(reflection.GetMessage(message, field))) {
      return field->name() + "." + *found;
    }
  }
  return std::nullopt;
}

}  // namespace

const TypeSupport* find_type_support(AnyPlace place, std::string_view type) {
  auto is_it = [&](const TypeSupport& row) { return row.place == place && row.type == type; };
  auto found = std::ranges::find_if(type_support(), is_it);
  return found == type_support().end() ? nullptr : &*found;
}

std::optional<std::string> find_unsupported(const Message& message) { return walk(message); }

}  // namespace weft::mesh
