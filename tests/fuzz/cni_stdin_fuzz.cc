// One call of weft-cni as a runtime may make it. Input: lines NAME=VALUE of the environment, an empty line, then stdin.
// What is refused can be said as JSON; what is accepted holds what the commands rely on and can be answered. The same
// stdin is read as an IPAM plugin's answer too. Nothing is executed: CNI_PATH is emptied before IPAM is looked for.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "cni/ipam.h"
#include "cni/request.h"
#include "cni/result.h"

namespace {

using namespace weft::cni;
using nlohmann::json;
using Variables = std::map<std::string, std::string>;

void check(bool holds) {
  if (!holds) std::abort();
}

// Takes the lines up to the first empty one from `text`. A value ends at a NUL, as in a real environment.
Variables take_environment(std::string_view* text) {
  Variables variables;
  while (!text->empty()) {
    const std::string_view line = text->substr(0, text->find('\n'));
    text->remove_prefix(std::min(line.size() + 1, text->size()));
    if (line.empty()) break;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    variables.emplace(line.substr(0, equals), std::string(line.substr(equals + 1)).c_str());
  }
  return variables;
}

void say(const Error& error, std::string_view stdin_text) {
  const json said = json::parse(to_json(error, version_of(stdin_text)));
  check(said.at("code") == static_cast<unsigned>(error.code) && !said.at("msg").get<std::string>().empty());
}

void check_config(const NetworkConfig& config) {
  check(std::ranges::find(kVersions, config.cni_version) != std::end(kVersions) && !config.name.empty());
  check(config.mtu == 0 || (config.mtu >= 1280 && config.mtu <= 65535));
  check(json::parse(config.whole.dump()) == config.whole);  // the IPAM plugin is handed it again
}

// What ADD prints for these addresses is a result that names them.
void check_answer(const Request& request, const std::vector<weft::IpAddress>& addresses) {
  const Attachment attachment{request.interface_name, request.netns, "02:00:00:00:00:01", request.config.mtu,
                              addresses, "169.254.1.1", "fe80::1", nullptr};
  const json printed = json::parse(add_result(attachment, request.config.cni_version));
  check(addresses_of(printed) == addresses);
  check(printed["interfaces"][0]["name"] == request.interface_name);
}

void answer(Request request, std::string_view stdin_text) {
  if (request.command == Command::kVersion) return;
  check_config(request.config);
  auto addresses = addresses_of(request.config.previous_result);
  if (!addresses) return say(addresses.error(), stdin_text);
  check_answer(request, *addresses);
  request.path.clear();
  const auto ipam = Ipam::open(request);
  check(!ipam.has_value());
  say(ipam.error(), stdin_text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const Variables variables = take_environment(&text);
  const auto environment = [&](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  auto request = parse_request(environment, text);
  if (request) {
    answer(std::move(*request), text);
  } else {
    say(request.error(), text);
  }
  const auto given = parse_ipam_result(text);
  if (!given) say(given.error(), text);
  if (given) check(given->addresses.size() == 1 || given->addresses.size() == 2);
  return 0;
}
