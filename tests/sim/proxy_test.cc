// What the proxy does to connections between pods, one behaviour a test, in a simulated mesh of two nodes.
#include <gtest/gtest.h>

#include "tests/sim/mesh_world.h"

namespace weft::sim {
namespace {

using proxy::EndReason;
using mesh::Refusal;

// "client" on node 0; "web" on node 1 and "near" on node 0, both echo servers behind Services of their names, port 80.
class ProxyTest : public ::testing::TestWithParam<unsigned> {
 protected:
  static WorldOptions options(unsigned workers) {
    WorldOptions options;
    options.workers = workers;
    return options;
  }
  explicit ProxyTest(unsigned workers = 1) : world(options(workers)) {
    world.add_pod({.name = "client"});
    world.add_pod({.name = "web", .node = 1}).listen(8080, echo());
    world.add_pod({.name = "near"}).listen(8080, echo());
    world.add_pod({.name = "outsider", .in_mesh = false});
    world.add_service("web", "web", 80, 8080);
    world.add_service("near", "near", 80, 8080);
    world.publish();
  }
  ~ProxyTest() override { EXPECT_EQ(world.finish(), ""); }

  // Sends, closes, and waits for the end. What came back.
  std::string exchange(Socket& s, std::string_view text) {
    s.write(text).finish();
    world.run_until([&] { return s.closed.has_value(); });
    return s.received;
  }
  std::string call(const std::string& client, const std::string& service, bool v6 = false) {
    return exchange(world.connect(client, service, v6), "hello " + service);
  }

  MeshWorld world;
};

TEST_F(ProxyTest, ServiceCallIsMutualTlsOnTheWire) {
  world.record_wire = true;
  EXPECT_EQ(call("client", "web"), "hello web");
  EXPECT_FALSE(world.wire_holds("hello web"));
  EXPECT_EQ(call("client", "web", true), "hello web");
  EXPECT_FALSE(world.wire_holds("hello web"));
}

}  // namespace
}  // namespace weft::sim
