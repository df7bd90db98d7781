#include "tests/decisions/recorded.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/util/json_util.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "envoy/config/listener/v3/listener.pb.h"
// The types that stand in an Any of the handmade listeners must be linked in to be read from JSON.
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/network/rbac/v3/rbac.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weft::tests {

namespace {

namespace fs = std::filesystem;
using envoy::service::discovery::v3::DeltaDiscoveryResponse;

const fs::path kRecorded = fs::path(WEFT_TEST_DATA) / "istiod";
const fs::path kHandmade = fs::path(WEFT_TEST_DATA) / "handmade";

std::string unzip(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw std::runtime_error("cannot open " + path.string());
  std::string content;
  char chunk[65536];
  for (int got; (got = gzread(file, chunk, sizeof chunk)) > 0;) content.append(chunk, static_cast<std::size_t>(got));
  gzclose(file);
  return content;
}

// Each response: a varint length, then the message.
std::vector<DeltaDiscoveryResponse> responses_of(const std::string& content) {
  std::vector<DeltaDiscoveryResponse> responses;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(content.data()),
                                            static_cast<int>(content.size()));
  for (std::uint32_t size; in.ReadVarint32(&size);) {
    std::string bytes;
    if (!in.ReadString(&bytes, static_cast<int>(size)) || !responses.emplace_back().ParseFromString(bytes))
      throw std::runtime_error("not a DeltaDiscoveryResponse");
  }
  return responses;
}

RecordedResource listener_from_json(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  envoy::config::listener::v3::Listener listener;
  auto status = google::protobuf::util::JsonStringToMessage(text.str(), &listener);
  if (!status.ok()) throw std::runtime_error(path.string() + ": " + status.ToString());
  return {mesh::XdsType::kListener, listener.name(), listener.SerializeAsString()};
}

// tests/data/handmade/SCENARIO/POD.base names the recording: "authz-l4 tcp-echo-v1"; *.json beside it are listeners.
std::vector<RecordedResource> handmade_resources(const std::string& scenario, const std::string& pod) {
  std::ifstream base(kHandmade / scenario / (pod + ".base"));
  std::string base_scenario, base_pod;
  if (!(base >> base_scenario >> base_pod)) throw std::runtime_error("no recording for " + scenario + "/" + pod);
  std::vector<RecordedResource> resources = recorded_resources(base_scenario, base_pod);
  for (const auto& entry : fs::directory_iterator(kHandmade / scenario)) {
    if (entry.path().extension() != ".json") continue;
    RecordedResource made = listener_from_json(entry.path());
    std::erase_if(resources, [&](const auto& r) { return r.type == made.type && r.name == made.name; });
    resources.push_back(std::move(made));
  }
  return resources;
}

}  // namespace

std::vector<RecordedResource> recorded_resources(const std::string& scenario, const std::string& pod) {
  if (fs::exists(kHandmade / scenario)) return handmade_resources(scenario, pod);
  std::vector<RecordedResource> resources;
  for (const auto& response : responses_of(unzip(kRecorded / scenario / (pod + ".raw.gz"))))
    for (const auto& resource : response.resources())
      if (auto type = mesh::xds_type_of(resource.resource().type_url()))
        resources.push_back({*type, resource.name(), resource.resource().value()});
  return resources;
}

std::vector<std::pair<std::string, std::string>> recordings() {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& entry : fs::recursive_directory_iterator(kRecorded)) {
    std::string name = entry.path().filename();
    if (name.ends_with(".raw.gz"))
      found.emplace_back(entry.path().parent_path().filename(), name.substr(0, name.size() - 7));
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> feed(mesh::XdsPodConfigBuilder& builder, const std::vector<RecordedResource>& resources) {
  std::vector<std::string> nacks;
  for (const RecordedResource& resource : resources) {
    if (auto reason = builder.upsert(resource.type, resource.name, resource.serialized)) nacks.push_back(*reason);
    builder.mark_received(resource.type);
  }
  return nacks;
}

std::shared_ptr<const mesh::PodConfig> config_of(const std::string& scenario, const std::string& pod) {
  static auto cache = std::make_shared<mesh::XdsCache>();
  static std::map<std::string, std::shared_ptr<const mesh::PodConfig>> configs;
  auto& config = configs[scenario + "/" + pod];
  if (config) return config;
  mesh::XdsPodConfigBuilder builder(cache);
  for (const std::string& nack : feed(builder, recorded_resources(scenario, pod))) throw std::runtime_error(nack);
  return config = builder.build();
}

}  // namespace weft::tests
