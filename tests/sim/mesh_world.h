// A mesh of two nodes in virtual time: pods' kernels, appliances, a seeded bad wire between the uplinks.
//
//   MeshWorld world;                                   // nodes 0 and 1
//   world.add_pod({.name = "web", .node = 1}).listen(8080, echo());
//   world.add_service("web", "web", 80, 8080);
//   world.add_pod({.name = "client"});
//   world.publish();
//   Socket& c = world.connect("client", "web");
//   c.write("hello").finish();
//   ASSERT_TRUE(world.run_until([&] { return c.received == "hello"; }));
//   EXPECT_EQ(world.finish(), "");
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>

#include "tests/sim/kernel.h"
#include "tests/sim/mesh_cluster.h"
#include "tests/sim/mesh_node.h"

namespace weft::sim {

struct MeshWire {
  double loss = 0, duplicate = 0, reorder = 0;
  Duration delay = Duration::microseconds(200);
  Duration jitter = Duration::milliseconds(5);  // of reordered frames
};

struct WorldOptions {
  std::uint64_t seed = 1;
  unsigned workers = 1;
  bool one_queue = false;
  MeshWire wire;
  net::TcpOptions tcp;       // of the appliances
  net::TcpOptions pod_tcp;
  proxy::ProxyOptions proxy;
  WorldOptions();            // TIME-WAIT of a second, so that ends are reached
};

class MeshWorld {
 public:
  explicit MeshWorld(const WorldOptions& options = {});
  ~MeshWorld();

  // ---- configuration; takes effect with publish()
  MeshCluster cluster;
  Kernel& add_pod(const PodSpec& spec);
  void add_service(const std::string& name, const std::string& app, std::uint16_t port, std::uint16_t server_port) {
    cluster.add_service(name, app, port, server_port);
  }
  void remove_pod(const std::string& name);  // its kernel goes silent with publish()
  void publish();

  // ---- programs
  Kernel& pod(const std::string& name) { return *kernels_.at(name); }
  Socket& connect(const std::string& client, const std::string& service, bool v6 = false) {
    return pod(client).connect(cluster.service(service, v6));
  }
  Socket& connect(const std::string& client, const Endpoint& to) { return pod(client).connect(to); }
  Endpoint at(const std::string& pod, std::uint16_t port, bool v6 = false) const {
    return {cluster.addresses_of(pod)[v6 ? 1 : 0], port};
  }

  // ---- time
  void run(Duration span);
  // False: it did not come true in time.
  bool run_until(const std::function<bool()>& condition, Duration patience = Duration::seconds(60));
  Time now() const { return now_; }

  // ---- what is seen
  MeshNode& node(unsigned number) { return *nodes_[number]; }
  std::uint64_t ends(proxy::EndReason reason) const { return nodes_[0]->ends(reason) + nodes_[1]->ends(reason); }
  std::uint64_t refusals(mesh::Refusal r) const { return nodes_[0]->refusals(r) + nodes_[1]->refusals(r); }
  // The latest record of a decision that is not "allowed", on any node; default: none.
  proxy::ConnectionRecord last_refusal();
  // Frames between the uplinks: all of them, when recording.
  std::vector<std::vector<std::uint8_t>> wire_frames;
  bool record_wire = false;
  bool wire_cut = false;     // loses everything
  std::uint64_t frames = 0;  // that crossed the wire
  bool wire_holds(std::string_view text) const;

  // Lets all connections end, and says what is left that should not be: "" is nothing. Open sockets are reset.
  std::string finish();

 private:
  struct InFlight {
    Time at;
    std::uint64_t order;
    unsigned to;
    Frame frame;
    bool operator>(const InFlight& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  void step(Time until);
  void work();
  bool move_frames();
  void launch(unsigned from, Frame&& frame);
  std::string leftovers() const;

  WorldOptions options_;
  Random random_;
  Time now_ = Time::from_ns(1'000'000'000'000);
  std::array<std::unique_ptr<MeshNode>, 2> nodes_;
  std::map<std::string, std::unique_ptr<Kernel>> kernels_;
  struct Port {
    Kernel* kernel;
    unsigned node;
  };
  std::map<InterfaceId, Port> ports_;
  std::vector<std::unique_ptr<Kernel>> gone_;  // pods that were removed; their sockets may still be looked at
  std::priority_queue<InFlight, std::vector<InFlight>, std::greater<>> flying_;
  std::uint64_t order_ = 0;
};

}  // namespace weft::sim
