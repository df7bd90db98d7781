// A resource as it goes over the wire, made once and shared by all streams that carry it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
class Any;
}  // namespace google::protobuf

namespace weft::controlplane {

// In the order of a push. X(enumerator, short name, type URL behind "type.googleapis.com/", wildcard)
#define WEFT_XDS_TYPES(X)                                                              \
  X(kCluster, "cds", "envoy.config.cluster.v3.Cluster", true)                          \
  X(kEndpoints, "eds", "envoy.config.endpoint.v3.ClusterLoadAssignment", false)        \
  X(kListener, "lds", "envoy.config.listener.v3.Listener", true)                       \
  X(kRoute, "rds", "envoy.config.route.v3.RouteConfiguration", false)                  \
  X(kSecret, "sds", "envoy.extensions.transport_sockets.tls.v3.Secret", false)         \
  X(kExtension, "ecds", "envoy.config.core.v3.TypedExtensionConfig", false)            \
  X(kNameTable, "nds", "istio.networking.nds.v1.NameTable", true)

enum class XdsType : std::uint8_t {
#define WEFT_XDS_TYPE(name, ...) name,
  WEFT_XDS_TYPES(WEFT_XDS_TYPE)
#undef WEFT_XDS_TYPE
};
inline constexpr std::size_t kXdsTypeCount = 7;

std::string_view short_name(XdsType type);                     // "cds"
std::string_view type_url(XdsType type);                       // "type.googleapis.com/..."
bool is_wildcard(XdsType type);                                // an empty first subscription means everything
std::optional<XdsType> xds_type(std::string_view type_url);

struct Resource {
  std::string name;
  std::string version;  // hash of `body`: the same content has the same version in every process, at every time
  std::string body;     // serialized message
};
using ResourcePtr = std::shared_ptr<const Resource>;

ResourcePtr make_resource(std::string name, const google::protobuf::Message& message);

// The same message gives the same bytes, map fields included (Message::SerializeToString does not promise that).
std::string serialize_deterministic(const google::protobuf::Message& message);
void pack_deterministic(const google::protobuf::Message& message, google::protobuf::Any* any);

}  // namespace weft::controlplane
