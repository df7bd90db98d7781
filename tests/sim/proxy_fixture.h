// The mesh of the proxy's tests: "client" on node 0; "web" on node 1 and "near" on node 0, both echo servers on 8080
// behind Services of their names, port 80; "outsider" on node 0, not in the mesh. The end of each test checks that
// everything was given back.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "crypto/test_mesh.h"
#include "tests/sim/mesh_world.h"

namespace weft::sim {

using mesh::Refusal;
using proxy::EndReason;

class ProxyTest : public ::testing::Test {
 protected:
  explicit ProxyTest(const WorldOptions& options = {}) : world(options) {
    world.add_pod({.name = "client"});
    world.add_pod({.name = "web", .node = 1}).listen(8080, echo());
    world.add_pod({.name = "near"}).listen(8080, echo());
    world.add_pod({.name = "outsider", .in_mesh = false});
    world.add_service("web", "web", 80, 8080);
    world.add_service("near", "near", 80, 8080);
    world.publish();
  }
  ~ProxyTest() override { EXPECT_EQ(world.finish(), ""); }

  Kernel& web() { return world.pod("web"); }
  // Sends, closes, and waits for the end. What came back.
  std::string exchange(Socket& s, std::string_view text) {
    s.write(text).finish();
    world.run_until([&] { return s.closed.has_value(); });
    return s.received;
  }
  std::string call(const std::string& client, const std::string& service, bool v6 = false) {
    return exchange(world.connect(client, service, v6), "hello " + service);
  }
  std::string outsider_calls() { return exchange(world.connect("outsider", world.at("web", 8080)), "plain"); }
  // The echo comes back; the connection stays open.
  bool reaches(Socket& s, const std::string& text) {
    s.received.clear();
    s.write(text);
    return world.run_until([&] { return s.received == text || s.closed; }) && s.received == text;
  }

  MeshWorld world;
};

}  // namespace weft::sim
