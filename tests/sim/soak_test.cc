// Random use of a simulated mesh, many seeds: connections that open, transfer, half-close and reset
// under loss, delay, reordering and duplication, while policies, peer modes and pods come and go.
// Every byte is checked; at the end nothing is left. WEFT_SEEDS=N runs N seeds, WEFT_FIRST_SEED=K
// begins at K.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/soak.h"

namespace weft::sim {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(MeshSoak, EverySeedEndsClean) {
  const std::uint64_t first = number_from("WEFT_FIRST_SEED", 1), seeds = number_from("WEFT_SEEDS", 40);
  SoakFigures sum;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Soak soak(seed);
    const std::string failure = soak.run();
    const SoakFigures& f = soak.figures();
    sum.connections += f.connections;
    sum.complete += f.complete;
    sum.bytes += f.bytes;
    sum.frames += f.frames;
    if (failure.empty()) continue;
    ADD_FAILURE() << "seed " << seed << ": " << failure << "\nreplay: WEFT_FIRST_SEED=" << seed
                  << " WEFT_SEEDS=1 build/tests/sim/mesh_soak_test";
  }
  std::printf("soak: %lu seeds, %lu connections (%lu to the end), %lu bytes checked, %lu frames on the wire\n", seeds,
              sum.connections, sum.complete, sum.bytes, sum.frames);
}

}  // namespace
}  // namespace weft::sim
