#include "cni/request.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cni/json.h"

namespace weft::cni {

namespace {

using nlohmann::json;

const std::map<std::string, Command, std::less<>> kCommands = {
    {"ADD", Command::kAdd}, {"DEL", Command::kDel},       {"CHECK", Command::kCheck},
    {"GC", Command::kGc},   {"STATUS", Command::kStatus}, {"VERSION", Command::kVersion}};

// What a runtime may add to a plugin's configuration, beside our own keys.
const std::set<std::string, std::less<>> kKnownKeys = {
    "cniVersion", "cniVersions", "name", "type", "socket", "mtu", "ipam", "prevResult", "args", "dns",
    "capabilities", "runtimeConfig", "disableCheck", "disableGC", "ipMasq", "cni.dev/valid-attachments",
    "cni.dev/attachments"};

// Container id and network name: alphanumeric first, then also "_.-" (section "Parameters").
bool is_name(std::string_view text) {
  if (text.empty() || !std::isalnum(static_cast<unsigned char>(text.front()))) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-';
  });
}

// A Linux interface name: at most 15 bytes, not "." or "..", no '/', ':' or space.
bool is_interface_name(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text != "." && text != ".." &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c == '/' || c == ':' || std::isspace(c) != 0; });
}

Result<std::string> text_of(const json& object, const char* key, std::string otherwise) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  if (!found->is_string()) return fail(ErrorCode::kInvalidConfig, absl::StrCat(key, ": not a string"));
  return found->get<std::string>();
}

Result<void> read_attachments(const json& object, NetworkConfig* config) {
  const auto found = object.find("cni.dev/valid-attachments");
  if (found == object.end()) return {};
  if (!found->is_array()) return fail(ErrorCode::kInvalidConfig, "cni.dev/valid-attachments: not a list");
  for (const json& item : *found) {
    if (!item.is_object() || !item.value("containerID", json()).is_string() ||
        !item.value("ifname", json()).is_string()) {
      return fail(ErrorCode::kInvalidConfig,
                  "cni.dev/valid-attachments: an entry without containerID and ifname", item.dump());
    }
    config->valid_attachments.emplace_back(item["containerID"], item["ifname"]);
  }
  return {};
}

Result<void> check_fields(const json& object, NetworkConfig* config) {
  for (const auto& [key, value] : object.items()) {
    if (!kKnownKeys.contains(key)) {
      return fail(ErrorCode::kUnsupportedField, absl::StrCat("unknown key \"", key, "\" in the network configuration"),
                  "known: socket, mtu, ipam, and those of the CNI specification");
    }
  }
  if (object.value("ipMasq", json(false)) != json(false)) {
    return fail(ErrorCode::kUnsupportedField, "ipMasq is not supported: pods keep their own address");
  }
  if (const auto mtu = object.find("mtu"); mtu != object.end()) {
    if (!mtu->is_number_unsigned() || *mtu < 1280 || *mtu > 65535) {
      return fail(ErrorCode::kInvalidConfig, "mtu: not a number from 1280 to 65535", mtu->dump());
    }
    config->mtu = *mtu;
  }
  config->ipam = object.value("ipam", json());
  config->previous_result = object.value("prevResult", json());
  return read_attachments(object, config);
}

Result<void> read_environment(const Environment& environment, Request* request) {
  auto get = [&](const char* name) { return environment(name).value_or(""); };
  for (const char* name : {"CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"}) {
    if (!is_utf8(get(name))) return fail(ErrorCode::kInvalidEnvironment, absl::StrCat(name, " is not UTF-8"));
  }
  request->container_id = get("CNI_CONTAINERID");
  request->netns = get("CNI_NETNS");
  request->interface_name = get("CNI_IFNAME");
  request->path = absl::StrSplit(get("CNI_PATH"), ':', absl::SkipEmpty());
  for (absl::string_view pair : absl::StrSplit(get("CNI_ARGS"), ';', absl::SkipEmpty())) {
    const auto equals = pair.find('=');
    if (equals == absl::string_view::npos) {
      return fail(ErrorCode::kInvalidEnvironment, absl::StrCat("CNI_ARGS: no '=' in \"", pair, "\""));
    }
    request->args.emplace(std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1)));
  }
  return {};
}

Result<void> check_environment(const Request& request) {
  const bool attachment = request.command == Command::kAdd || request.command == Command::kDel ||
                          request.command == Command::kCheck;
  if (!attachment) return {};
  if (!is_name(request.container_id)) {
    return fail(ErrorCode::kInvalidEnvironment, "CNI_CONTAINERID is missing or not a container id",
                request.container_id);
  }
  if (!is_interface_name(request.interface_name)) {
    return fail(ErrorCode::kInvalidEnvironment, "CNI_IFNAME is missing or not an interface name",
                request.interface_name);
  }
  if (request.command != Command::kDel && request.netns.empty()) {
    return fail(ErrorCode::kInvalidEnvironment, "CNI_NETNS is missing");
  }
  return {};
}

}  // namespace

std::string version_of(std::string_view stdin_text) {
  const json object = read_json(stdin_text).value_or(json());
  if (!object.is_object() || !object.value("cniVersion", json()).is_string()) return kNewestVersion;
  return object["cniVersion"];
}

Result<NetworkConfig> parse_config(std::string_view stdin_text) {
  auto read = read_json(stdin_text);
  if (!read) return fail(ErrorCode::kDecoding, "stdin is not JSON that we read", read.error());
  NetworkConfig config;
  config.whole = std::move(*read);
  if (!config.whole.is_object()) return fail(ErrorCode::kDecoding, "stdin is not a JSON object");
  struct Field { const char* key; std::string* to; };
  for (const Field& field : {Field{"cniVersion", &config.cni_version}, Field{"name", &config.name},
                             Field{"type", &config.type}, Field{"socket", &config.socket}}) {
    auto text = text_of(config.whole, field.key, *field.to);
    if (!text) return std::unexpected(text.error());
    *field.to = *text;
  }
  if (std::find(std::begin(kVersions), std::end(kVersions), config.cni_version) == std::end(kVersions)) {
    return fail(ErrorCode::kIncompatibleVersion, absl::StrCat("cniVersion ", config.cni_version, " is not supported"),
                absl::StrCat("supported: ", absl::StrJoin(kVersions, ", ")));
  }
  if (!is_name(config.name))
    return fail(ErrorCode::kInvalidConfig, "name: missing, or not a network name", config.name);
  if (auto checked = check_fields(config.whole, &config); !checked) return std::unexpected(checked.error());
  return config;
}

Result<Request> parse_request(const Environment& environment, std::string_view stdin_text) {
  Request request;
  const auto command = kCommands.find(environment("CNI_COMMAND").value_or(""));
  if (command == kCommands.end()) {
    return fail(ErrorCode::kInvalidEnvironment, "CNI_COMMAND is missing or unknown",
                environment("CNI_COMMAND").value_or(""));
  }
  request.command = command->second;
  if (request.command == Command::kVersion) return request;
  if (auto read = read_environment(environment, &request); !read) return std::unexpected(read.error());
  if (auto checked = check_environment(request); !checked) return std::unexpected(checked.error());
  auto config = parse_config(stdin_text);
  if (!config) return std::unexpected(config.error());
  request.config = std::move(*config);
  return request;
}

}  // namespace weft::cni
