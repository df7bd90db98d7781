#include "controlplane/xds/generate.h"

#include "controlplane/xds/world.h"

namespace weft::controlplane {

GeneratedResources generate_resources(const std::shared_ptr<const Index>& index, const Proxy& proxy) {
  const ProxyView view(World::build(index, {}, nullptr), proxy);
  GeneratedResources out;
  for (std::size_t i = 0; i < kXdsTypeCount; ++i) {
    const auto type = static_cast<XdsType>(i);
    for (const std::string& name : view.names(type)) out[type].push_back(view.find(type, name));
  }
  return out;
}

GeneratedResources generate_resources(const std::shared_ptr<const Index>& index, const Workload& workload) {
  return generate_resources(index, proxy_of_workload(workload, index->options()));
}

}  // namespace weft::controlplane
