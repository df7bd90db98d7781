// What the readers of Envoy's messages share. Only mesh/xds_*.cc include this.
#pragma once

#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/struct.pb.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ip_address.h"
#include "envoy/config/core/v3/address.pb.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/type/matcher/v3/string.pb.h"
#include "mesh/string_matcher.h"
#include "mesh/xds_support.h"

namespace weft::mesh {

// Why a resource cannot be honoured. Thrown by readers, caught by XdsPodConfigBuilder::upsert, never leaves this room:
// a reader is twenty levels of "this field of that field", and each would hand the same sentence up.
struct Nack {
  std::string path;
  std::string reason;
};
[[noreturn]] void nack(std::string path, std::string reason);

// "a" + "b" -> "a.b"; "a" + "[1]" -> "a[1]".
std::string join(std::string_view path, std::string_view field);
std::string at(std::string_view path, std::string_view field, int index);

// NACKs what find_unsupported() finds.
void require_supported(const google::protobuf::Message& message, std::string_view path);

// The message type in `any`; of the inner type where it is a TypedStruct. NACKs when the table does not know it there.
const TypeSupport& type_in(const google::protobuf::Any& any, AnyPlace place, std::string_view path);
// `any` as T, all of whose fields are in the table.
template <typename T>
T unpack(const google::protobuf::Any& any, std::string_view path) {
  T message;
  if (!any.UnpackTo(&message)) nack(std::string(path), "is not a valid " + message.GetTypeName());
  require_supported(message, path);
  return message;
}

// NACKs negative ones; clamps to what Duration holds.
Duration read_duration(const google::protobuf::Duration& duration, std::string_view path);
IpAddress read_ip(const std::string& text, std::string_view path);
std::uint16_t read_port(std::uint32_t port, std::string_view path);
// An address and port in numbers, TCP.
Endpoint read_socket_address(const envoy::config::core::v3::SocketAddress& address, std::string_view path);
IpPrefix read_prefix(const envoy::config::core::v3::CidrRange& range, std::string_view path);
StringMatcher read_string_matcher(const envoy::type::matcher::v3::StringMatcher& matcher, std::string_view path);

// A text that is equal for equal values only: for matching metadata.
std::string value_key(const google::protobuf::Value& value);

}  // namespace weft::mesh
