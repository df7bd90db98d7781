// A cluster for tests: objects as YAML text or files, and the index of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "controlplane/config/store.h"
#include "controlplane/registry/index.h"

namespace weft::controlplane {

// Any failure in here is a broken test: it throws.
class TestCluster {
 public:
  TestCluster();

  // Replaces what the origin (a file's name) holds; "" removes it.
  TestCluster& put(const std::string& origin, std::string_view yaml);
  TestCluster& put_directory(const std::string& directory);
  std::shared_ptr<const Index> index();

  // The index after a change and what the change was.
  struct Step {
    std::shared_ptr<const Index> index;
    IndexDelta delta;
  };
  Step step(const std::string& origin, std::string_view yaml);

 private:
  Store store_;
  bool synced_ = false;
};

// Two pods of `shop` behind a Service each, one outsider; the world of most tests.
extern const std::string_view kShop;

}  // namespace weft::controlplane
