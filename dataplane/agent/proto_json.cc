#include "dataplane/agent/proto_json.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <absl/strings/escaping.h>
#include <nlohmann/json.hpp>

namespace weft::agent {
namespace {

using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::string full_name(const std::string& type_url) { return type_url.substr(type_url.rfind('/') + 1); }

// A new message of the type, or null when this program does not have it.
std::unique_ptr<Message> new_message(const std::string& name) {
  const auto* const descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

void make_printable(Message& message);

// The JSON printer fails on an Any that it cannot open: such a one is replaced by a Struct that says what it was.
void make_any_printable(Any& any) {
  if (any.type_url().empty()) return;
  const auto inner = new_message(full_name(any.type_url()));
  if (inner && inner->ParseFromString(any.value())) {
    make_printable(*inner);
    any.set_value(inner->SerializeAsString());
    return;
  }
  google::protobuf::Struct unknown;
  (*unknown.mutable_fields())["type_url"].set_string_value(any.type_url());
  (*unknown.mutable_fields())["base64"].set_string_value(absl::Base64Escape(any.value()));
  any.PackFrom(unknown);
}

void make_printable(Message& message) {
  if (auto* const any = dynamic_cast<Any*>(&message)) return make_any_printable(*any);
  const auto* const reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      make_printable(*reflection->MutableMessage(&message, field));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      make_printable(*reflection->MutableRepeatedMessage(&message, field, i));
    }
  }
}

}  // namespace

nlohmann::json resource_to_json(const std::string& type_url, const std::string& serialized) {
  const auto message = new_message(full_name(type_url));
  if (!message || !message->ParseFromString(serialized)) {
    return {{"@type", type_url}, {"base64", absl::Base64Escape(serialized)}};
  }
  make_printable(*message);
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(*message, &text, options);
  if (!status.ok()) return {{"@type", type_url}, {"error", status.ToString()}};
  return nlohmann::json::parse(text);
}

}  // namespace weft::agent
