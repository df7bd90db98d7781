// The language of the registry's tests: objects of namespace `a` as YAML.
#pragma once

#include <string>

namespace weft::controlplane {

inline std::string pod(const std::string& name, const std::string& address, const std::string& labels,
                const std::string& more_spec = "") {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: a, labels: {" + labels +
         "}}\nspec: {nodeName: node-a, serviceAccountName: sa-" + name + more_spec +
         "}\nstatus: {phase: Running, podIP: " + address + ", conditions: [{type: Ready, status: 'True'}]}\n---\n";
}
inline std::string mesh_pod(const std::string& name, const std::string& address, const std::string& app) {
  return pod(name, address, "app: " + app + ", security.istio.io/tlsMode: istio");
}
inline std::string service(const std::string& name, const std::string& spec) {
  return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: a}\nspec: {" + spec + "}\n---\n";
}
inline std::string slice(const std::string& service, const std::string& endpoints, const std::string& ports) {
  return "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {name: " + service +
         "-1, namespace: a, labels: {kubernetes.io/service-name: " + service + "}}\nendpoints: [" + endpoints +
         "]\nports: [" + ports + "]\n---\n";
}
inline std::string endpoint(const std::string& address, const std::string& pod_name, const std::string& more = "") {
  return "{addresses: [" + address + "], targetRef: {kind: Pod, name: " + pod_name + ", namespace: a}" + more + "}";
}
inline std::string policy(const std::string& kind, const std::string& name_space, const std::string& name,
                   const std::string& created, const std::string& spec) {
  return "apiVersion: security.istio.io/v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: " +
         name_space + ", creationTimestamp: '2026-01-0" + created + "T00:00:00Z'}\nspec: {" + spec + "}\n---\n";
}
inline std::string peer(const std::string& name_space, const std::string& name, const std::string& created,
                 const std::string& spec) {
  return policy("PeerAuthentication", name_space, name, created, spec);
}
inline std::string mesh_config(const std::string& line) {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: '" + line +
         "'}\n---\n";
}

}  // namespace weft::controlplane
