// A checked object of any kind that we read: a shared immutable value.
#pragma once

#include <memory>
#include <variant>

#include "controlplane/config/kind.h"
#include "controlplane/config/kubernetes.h"
#include "controlplane/config/policy.h"

namespace weft::controlplane {

template <typename T>
using Shared = std::shared_ptr<const T>;

// The alternatives stand in the order of WEFT_READ_KINDS, so that index() is the Kind.
using Object = std::variant<Shared<k8s::Namespace>, Shared<k8s::Node>, Shared<k8s::Pod>, Shared<k8s::Service>,
                            Shared<k8s::ServiceAccount>, Shared<k8s::Secret>, Shared<k8s::ConfigMap>,
                            Shared<k8s::EndpointSlice>, Shared<PeerAuthentication>, Shared<AuthorizationPolicy>>;

inline Kind kind_of(const Object& object) { return static_cast<Kind>(object.index()); }
const ObjectMeta& meta_of(const Object& object);
ObjectKey key_of(const Object& object);
// By value, not by pointer: rewriting a file with the same content is no change.
bool same_value(const Object& a, const Object& b);

}  // namespace weft::controlplane
