#include "controlplane/config/object.h"

namespace weft::controlplane {

const ObjectMeta& meta_of(const Object& object) {
  return std::visit([](const auto& value) -> const ObjectMeta& { return value->meta; }, object);
}

ObjectKey key_of(const Object& object) {
  const ObjectMeta& meta = meta_of(object);
  return {kind_of(object), meta.name_space, meta.name};
}

bool same_value(const Object& a, const Object& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&b](const auto& value) {
        const auto& other = std::get<std::decay_t<decltype(value)>>(b);
        return value == other || *value == *other;
      },
      a);
}

bool k8s::ConfigMap::operator==(const ConfigMap& other) const {
  return meta == other.meta && data == other.data;  // `mesh` is made from `data`
}

}  // namespace weft::controlplane
