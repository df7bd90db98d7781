#include "mesh/xds_read.h"

#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>

#include <limits>

namespace weft::mesh {

namespace core = envoy::config::core::v3;
using google::protobuf::Any;

namespace {

std::string_view type_of(std::string_view type_url) { return type_url.substr(type_url.rfind('/') + 1); }

// udpa.type.v1.TypedStruct and xds.type.v3.TypedStruct: { string type_url = 1; Struct value = 2; }.
std::string inner_type_url(const Any& any, std::string_view path) {
  google::protobuf::Empty fields;
  if (!fields.ParseFromString(any.value())) nack(std::string(path), "is not a valid TypedStruct");
  const auto& unknown = fields.GetReflection()->GetUnknownFields(fields);
  std::string url;
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto& field = unknown.field(i);
    if (field.number() == 1 && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      url = field.length_delimited();
  }
  return url;
}

}  // namespace

void nack(std::string path, std::string reason) { throw Nack{std::move(path), std::move(reason)}; }

std::string join(std::string_view path, std::string_view field) {
  std::string joined(path);
  if (!joined.empty() && !field.empty()) joined += '.';
  return joined += field;
}

std::string at(std::string_view path, std::string_view field, int index) {
  return join(path, field) + "[" + std::to_string(index) + "]";
}

void require_supported(const google::protobuf::Message& message, std::string_view path) {
  if (auto found = find_unsupported(message)) nack(join(path, *found), "is not supported");
}

const TypeSupport& type_in(const Any& any, AnyPlace place, std::string_view path) {
  std::string type(type_of(any.type_url()));
  if (type == "udpa.type.v1.TypedStruct" || type == "xds.type.v3.TypedStruct")
    type = type_of(inner_type_url(any, path));
  const TypeSupport* found = find_type_support(place, type);
  if (!found) nack(std::string(path), type.empty() ? "has no typed_config" : type + " is not supported here");
  return *found;
}

Duration read_duration(const google::protobuf::Duration& duration, std::string_view path) {
  if (duration.seconds() < 0 || duration.nanos() < 0) nack(std::string(path), "is negative");
  constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  return Duration::seconds(std::min(duration.seconds(), kMaxSeconds)) +
         Duration::nanoseconds(std::min(duration.nanos(), 999'999'999));
}

IpAddress read_ip(const std::string& text, std::string_view path) {
  auto address = IpAddress::parse(text);
  if (!address) nack(std::string(path), "'" + text + "' is not an IP address");
  return *address;
}

std::uint16_t read_port(std::uint32_t port, std::string_view path) {
  if (port > 65535) nack(std::string(path), std::to_string(port) + " is not a port");
  return static_cast<std::uint16_t>(port);
}

Endpoint read_socket_address(const core::SocketAddress& address, std::string_view path) {
  if (address.protocol() != core::SocketAddress::TCP) nack(join(path, "protocol"), "is not TCP");
  return {read_ip(address.address(), join(path, "address")), read_port(address.port_value(), join(path, "port_value"))};
}

IpPrefix read_prefix(const core::CidrRange& range, std::string_view path) {
  IpAddress address = read_ip(range.address_prefix(), join(path, "address_prefix"));
  std::uint32_t length = range.has_prefix_len() ? range.prefix_len().value() : 0;
  if (length > static_cast<std::uint32_t>(address.bits())) nack(join(path, "prefix_len"), "is too long");
  return {address, static_cast<int>(length)};
}

StringMatcher read_string_matcher(const envoy::type::matcher::v3::StringMatcher& matcher, std::string_view path) {
  using Proto = envoy::type::matcher::v3::StringMatcher;
  using Kind = StringMatcher::Kind;
  auto make = [&](Kind kind, const std::string& value) {
    if (value.empty() && kind != Kind::kExact) nack(std::string(path), "has an empty pattern");
    return StringMatcher(kind, value, matcher.ignore_case());
  };
  switch (matcher.match_pattern_case()) {
    case Proto::kExact: return make(Kind::kExact, matcher.exact());
    case Proto::kPrefix: return make(Kind::kPrefix, matcher.prefix());
    case Proto::kSuffix: return make(Kind::kSuffix, matcher.suffix());
    case Proto::kContains: return make(Kind::kContains, matcher.contains());
    case Proto::kSafeRegex: {
      auto regex = StringMatcher::regex(matcher.safe_regex().regex());
      if (!regex) nack(join(path, "safe_regex"), regex.error());
      return *regex;
    }
    default: nack(std::string(path), "has no pattern that is supported");
  }
}

std::string value_key(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue: return "s" + value.string_value();
    case google::protobuf::Value::kBoolValue: return value.bool_value() ? "b1" : "b0";
    case google::protobuf::Value::kNumberValue: return "n" + std::to_string(value.number_value());
    default: return "m" + value.SerializeAsString();
  }
}

}  // namespace weft::mesh
