// The walk: one packet, one ingress, what becomes of it. A row that dies names why, and nothing else may be counted.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tests/builders/stack_fixture.h"

namespace weft::testing {

using net::Drop;
using net::StackCounters;

struct To {  // forwarded or answered: leaves by this interface
  InterfaceId interface;
};
enum class Engine { kOutbound, kInbound };
using Outcome = std::variant<Drop, To, Engine>;

struct Row {
  const char* says;
  InterfaceId ingress;
  PacketBuilder packet;
  Outcome outcome;
};

inline PacketBuilder pod_says() { return eth(our_mac(kMesh), peer_mac(kMesh)); }
inline PacketBuilder plain_says() { return eth(our_mac(kPlain), peer_mac(kPlain)); }
inline PacketBuilder wire_says() { return eth(our_mac(kUplink), gateway_mac()); }
inline PacketBuilder host_says() { return eth(our_mac(kHost), peer_mac(kHost)); }

inline constexpr const char* kPod = "10.1.0.10";
inline constexpr const char* kPod6 = "fd00:1::10";
inline constexpr const char* kFar = "10.2.0.80";
inline constexpr const char* kFar6 = "fd00:2::80";
inline constexpr const char* kNode = "192.168.0.1";

class Walk : public StackFixture {
 protected:
  void walk(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      SCOPED_TRACE(row.says);
      start();
      receive(row.packet, row.ingress);
      check(row.outcome);
      stacks.clear();
    }
  }

  void check(const Outcome& outcome) {
    if (const Drop* reason = std::get_if<Drop>(&outcome)) {
      EXPECT_EQ(dropped(*reason), 1u) << "wanted " << net::to_string(*reason) << ", got " << reasons();
      EXPECT_EQ(drops(), *reason == Drop::kNeighborConsumed ? 0u : 1u) << reasons();
      EXPECT_EQ(count(&StackCounters::forwarded), 0u);
      EXPECT_EQ(count(&StackCounters::outbound) + count(&StackCounters::inbound), 0u);
      return;
    }
    EXPECT_EQ(drops(), 0u) << reasons();
    if (const To* to = std::get_if<To>(&outcome)) {
      const Sent sent = only(to->interface);
      const bool judged = to->interface == kUplink && sent.type() != 0x0806 && sent.protocol() != 132;
      EXPECT_TRUE(!judged || sent.checksums_hold());
      return;
    }
    const bool outbound = std::get<Engine>(outcome) == Engine::kOutbound;
    EXPECT_EQ(count(&StackCounters::outbound), outbound ? 1u : 0u);
    EXPECT_EQ(count(&StackCounters::inbound), outbound ? 0u : 1u);
    EXPECT_EQ(count(&StackCounters::forwarded), 0u);
  }

  std::string reasons() const {
    std::string text;
    for (std::size_t i = 0; i < net::kDropReasons; ++i)
      if (stacks[0]->drops().counters()[i] != 0) text += std::string(net::to_string(static_cast<Drop>(i))) + " ";
    return text;
  }
};

}  // namespace weft::testing
