// Which parts of Envoy's API this data plane knows, in one table: what it honours, what it knows to have no effect on
// TCP, what it accepts though a connection that would use it is refused, by name. What is not in the table and is set
// in a resource gets that resource NACKed: it could change who gets in or where bytes go.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace weft::mesh {

enum class Support : std::uint8_t {
  kHonoured,
  kNoEffect,    // on who gets in and where the bytes of a TCP connection go; `why` says why
  kNeedsHttp,   // accepted; a connection that reaches it is closed as "needs HTTP"
  kNeedsHbone,  // accepted; a connection that reaches it is closed as "needs HBONE"
  kNeedsDns,    // accepted; a connection that reaches it is closed as "needs DNS"
};

// Fields of one message with one kind of support, separated by spaces.
struct FieldSupport {
  std::string_view message;  // full name
  Support support;
  std::string_view fields;
  std::string_view why;
};
std::span<const FieldSupport> field_support();

// Message types that may stand in an Any, by the place where it stands.
enum class AnyPlace : std::uint8_t {
  kNetworkFilter, kListenerFilter, kDownstreamTransportSocket, kUpstreamTransportSocket, kUpstreamFilter,
  kLoadBalancingPolicy,
};
struct TypeSupport {
  AnyPlace place;
  std::string_view type;  // full name; of the inner type where a TypedStruct wraps it
  Support support;
  std::string_view why;
};
std::span<const TypeSupport> type_support();
// nullptr: not known there.
const TypeSupport* find_type_support(AnyPlace place, std::string_view type);

// The first populated field of `message`, or within it, that is not in the table, or that this build's descriptors do
// not know: "filter_chains[2].filter_chain_match.address_suffix". nullopt: all are known. Does not look into Any.
std::optional<std::string> find_unsupported(const google::protobuf::Message& message);

}  // namespace weft::mesh
