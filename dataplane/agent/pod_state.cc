#include "dataplane/agent/pod_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace weft::agent {
namespace {

using Json = nlohmann::json;

constexpr int kFormat = 1;

Json to_json(const AttachedPod& pod) {
  Json addresses = Json::array();
  for (const IpAddress& address : pod.addresses) addresses.push_back(address.to_string());
  return {{"container_id", pod.key.container_id},
          {"interface_name", pod.key.interface_name},
          {"interface", pod.interface},
          {"netns", pod.netns},
          {"network", pod.network},
          {"namespace", pod.name.first},
          {"name", pod.name.second},
          {"uid", pod.uid},
          {"addresses", addresses},
          {"mtu", pod.mtu},
          {"mac", pod.mac}};
}

// Throws nlohmann's exceptions, or std::runtime_error.
AttachedPod pod_from_json(const Json& json) {
  AttachedPod pod;
  pod.key = {json.at("container_id"), json.at("interface_name")};
  pod.interface = json.at("interface");
  pod.netns = json.at("netns");
  pod.network = json.at("network");
  pod.name = {json.at("namespace"), json.at("name")};
  pod.uid = json.at("uid");
  pod.mtu = json.at("mtu");
  pod.mac = json.at("mac");
  for (const Json& item : json.at("addresses")) {
    const auto address = IpAddress::parse(item.get<std::string>());
    if (!address) throw std::runtime_error("'" + item.get<std::string>() + "' is not an IP address");
    pod.addresses.push_back(*address);
  }
  return pod;
}

std::unexpected<std::string> failed(const std::string& path, const char* what) {
  return std::unexpected(path + ": " + what + ": " + std::strerror(errno));
}

std::expected<void, std::string> write_durably(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed(path, "open");
  bool good = true;
  while (good && !text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    good = written > 0;
    if (good) text.remove_prefix(static_cast<std::size_t>(written));
  }
  good = good && fsync(fd) == 0;
  const auto result = good ? std::expected<void, std::string>() : failed(path, "write");
  close(fd);
  return result;
}

}  // namespace

std::string to_json(const PodState& state) {
  Json pods = Json::array();
  for (const AttachedPod& pod : state.pods) pods.push_back(to_json(pod));
  return Json{{"format", kFormat}, {"next_interface", state.next_interface}, {"pods", pods}}.dump(1) + "\n";
}

std::expected<PodState, std::string> pod_state_from_json(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("format") != kFormat) return std::unexpected("has an unknown format");
    PodState state;
    state.next_interface = json.at("next_interface");
    for (const Json& pod : json.at("pods")) state.pods.push_back(pod_from_json(pod));
    return state;
  } catch (const std::exception& error) {
    return std::unexpected(std::string("is damaged: ") + error.what());
  }
}

std::expected<PodState, std::string> load_pod_state(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    if (errno == ENOENT) return PodState();
    return failed(path, "open");
  }
  std::stringstream text;
  text << file.rdbuf();
  auto state = pod_state_from_json(text.str());
  if (!state)
    return std::unexpected(path + " " + state.error() +
                           "; without it attached pods are not known (remove it to start with none)");
  return state;
}

std::expected<void, std::string> save_pod_state(const std::string& path, const PodState& state) {
  std::error_code ignored;  // open() says what is wrong
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  const std::string temporary = path + ".new";
  if (auto written = write_durably(temporary, to_json(state)); !written) return written;
  if (rename(temporary.c_str(), path.c_str()) != 0) return failed(path, "rename");
  return {};
}

}  // namespace weft::agent
