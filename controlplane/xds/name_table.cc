#include "controlplane/xds/name_table.h"

#include <networking/nds/nds.pb.h>

namespace weft::controlplane {

ResourcePtr name_table(const Index& index) {
  istio::networking::nds::v1::NameTable out;
  for (const auto& [hostname, service] : index.services()) {
    istio::networking::nds::v1::NameTable::NameInfo info;
    for (const IpAddress& address : service->addresses) info.add_ips(address.to_string());
    if (service->headless) {
      for (const ServiceEndpoint& endpoint : index.endpoints(hostname)) {
        if (endpoint.usable(*service)) info.add_ips(endpoint.address.to_string());
      }
    }
    if (info.ips_size() == 0) continue;
    info.set_registry("Kubernetes");
    info.set_shortname(service->name);
    info.set_namespace_(service->name_space);
    (*out.mutable_table())[hostname] = std::move(info);
  }
  return make_resource("", out);
}

}  // namespace weft::controlplane
