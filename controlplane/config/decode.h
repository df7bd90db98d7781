// From one document to one checked object, or the reasons why not.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "controlplane/config/object.h"
#include "controlplane/config/yaml_tree.h"

namespace weft::controlplane {

struct DecodeOptions {
  ObjectKey mesh_config_map;                                   // the ConfigMap whose key `mesh` is the MeshConfig
  std::function<std::int64_t(const ObjectKey&)> creation_unix_ns;  // for objects without creationTimestamp
};

struct Decoded {
  std::optional<ObjectKey> key;   // absent: not (recognisably) an object that we read
  std::optional<Object> object;   // absent: `problems` has an error
  std::vector<Problem> problems;  // warnings too
  // The document is meant to be an object, but which one cannot be told: what its file held before must not be taken
  // as deleted.
  bool unrecognised = false;

  // An AuthorizationPolicy, PeerAuthentication or the MeshConfig: without it more might be allowed than was meant.
  bool guards = false;
};

Decoded decode(const Document& document, const DecodeOptions& options);

}  // namespace weft::controlplane
