// Any bytes as the files of a configuration directory: they are read, refused or reported, twice in a row (so that last
// good versions come into play), and the index of what remains can be built.
#include <cstdint>
#include <string_view>

#include "base/log.h"
#include "controlplane/config/source_files.h"
#include "controlplane/config/store.h"
#include "controlplane/registry/index.h"

using namespace weft::controlplane;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::set_log_level(weft::LogLevel::kError);
  weft::set_log_sink([](weft::LogLevel, std::string_view, std::string_view) {});
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Store store({.system_namespace = "istio-system", .mesh_config_map = "istio", .unix_ns = [] { return 1; }});
  const std::string_view half = text.substr(0, size / 2);
  store.on_update({parse_origin("a.yaml", text), parse_origin("b.yaml", half)});
  store.on_synced();
  const auto first = Index::build(*store.snapshot(), {});
  store.on_update({parse_origin("a.yaml", half), parse_origin("c.yaml", text)});
  const auto second = Index::build(*store.snapshot(), {});
  IndexDelta::between(*first, *second);
  for (const auto& [key, workload] : second->workloads()) {
    second->peer_authentication(*workload);
    second->authorization(*workload);
    second->targets_of(*workload);
  }
  for (const Problem& problem : store.snapshot()->problems()) {
    if (problem.to_string().empty()) __builtin_trap();
  }
  return 0;
}
