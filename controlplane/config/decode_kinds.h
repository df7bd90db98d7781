// One reader a kind: decode.cc has checked apiVersion, kind and metadata. Problems go to `problems`; the value counts
// only if none of them is an error.
#pragma once

#include "controlplane/config/fields.h"
#include "controlplane/config/object.h"

namespace weft::controlplane {

k8s::Namespace read_namespace(ObjectMeta meta);
k8s::ServiceAccount read_service_account(ObjectMeta meta);
k8s::Node read_node(ObjectMeta meta, Fields root);
k8s::Pod read_pod(ObjectMeta meta, Fields root);
k8s::Service read_service(ObjectMeta meta, Fields root);
k8s::EndpointSlice read_endpoint_slice(ObjectMeta meta, Fields root);
k8s::Secret read_secret(ObjectMeta meta, Fields root);
k8s::ConfigMap read_config_map(ObjectMeta meta, Fields root);

// Unknown fields are errors here: these are policies, and a misspelt condition must not vanish.
PeerAuthentication read_peer_authentication(ObjectMeta meta, const Value& root, FieldProblems& problems);
AuthorizationPolicy read_authorization_policy(ObjectMeta meta, const Value& root, FieldProblems& problems);
// From the text under a ConfigMap's key `mesh`; `holder` is that text's value, for places.
MeshConfig read_mesh_config(const Value& holder, FieldProblems& problems);

}  // namespace weft::controlplane
