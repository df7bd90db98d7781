#include "controlplane/xds/resource.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "crypto/digest.h"

namespace weft::controlplane {
namespace {

struct TypeRow {
  std::string_view short_name;
  std::string_view url;
  bool wildcard;
};
constexpr std::array<TypeRow, kXdsTypeCount> kTypes{{
#define WEFT_XDS_ROW(name, text, url, wildcard) TypeRow{text, "type.googleapis.com/" url, wildcard},
    WEFT_XDS_TYPES(WEFT_XDS_ROW)
#undef WEFT_XDS_ROW
}};

const TypeRow& row(XdsType type) { return kTypes[static_cast<std::size_t>(type)]; }

// 64 bits: a collision would only keep one update of one resource from one proxy.
std::string version_of(std::string_view body) {
  const auto digest = crypto::sha256(as_bytes(body));
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

}  // namespace

std::string_view short_name(XdsType type) { return row(type).short_name; }
std::string_view type_url(XdsType type) { return row(type).url; }
bool is_wildcard(XdsType type) { return row(type).wildcard; }

std::optional<XdsType> xds_type(std::string_view url) {
  for (std::size_t i = 0; i < kTypes.size(); ++i) {
    if (kTypes[i].url == url) return static_cast<XdsType>(i);
  }
  return std::nullopt;
}

std::string serialize_deterministic(const google::protobuf::Message& message) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return out;
}

void pack_deterministic(const google::protobuf::Message& message, google::protobuf::Any* any) {
  any->set_type_url("type.googleapis.com/" + std::string(message.GetDescriptor()->full_name()));
  any->set_value(serialize_deterministic(message));
}

ResourcePtr make_resource(std::string name, const google::protobuf::Message& message) {
  std::string body = serialize_deterministic(message);
  std::string version = version_of(body);
  return std::make_shared<const Resource>(Resource{std::move(name), std::move(version), std::move(body)});
}

}  // namespace weft::controlplane
