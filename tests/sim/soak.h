// One seed of the soak: a mesh, and what happens in it at random.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/mesh_world.h"

namespace weft::sim {

struct SoakFigures {
  std::uint64_t connections = 0, complete = 0, bytes = 0, frames = 0;
};

// What a connection's two programs do. The first bytes that the client sends say it to the server.
struct Errand {
  std::uint64_t key = 0;             // of both directions' patterns
  std::uint32_t request = 0, response = 0;  // bytes, headers not counted
  std::uint32_t flags = 0;
  enum : std::uint32_t { kServerClosesFirst = 1, kClientResets = 2, kServerResets = 4, kSlowReader = 8 };
};

class Soak {
 public:
  explicit Soak(std::uint64_t seed);
  // Empty: every property held.
  std::string run();
  const SoakFigures& figures() const { return figures_; }

 private:
  struct Client {
    Socket* socket;
    Errand errand;
    bool must_succeed;  // nothing was done that could end it
    std::uint64_t read = 0;
    bool judged = false;
  };
  static WorldOptions options_of(std::uint64_t seed);
  Program server();
  void open_one();
  void change_something();
  void drive(Client& client);
  void judge(Client& client);
  std::string open_ones();
  void fail(const std::string& what) { if (failure_.empty()) failure_ = what; }

  Random random_;
  MeshWorld world_;
  std::vector<std::unique_ptr<Client>> clients_;
  bool strict_ = false, denying_ = false, churned_ = false;
  unsigned spare_ = 0;
  std::string failure_;
  SoakFigures figures_;
};

}  // namespace weft::sim
