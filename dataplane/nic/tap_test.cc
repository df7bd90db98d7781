// TAPs against the kernel: needs root and /dev/net/tun; makes nameless namespaces only.
#include "dataplane/nic/tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "tests/builders/forward_engine.h"
#include "dataplane/nic/host_port.h"
#include "dataplane/nic/pod_port.h"
#include "dataplane/nic/pool.h"
#include "tests/builders/tcp_transfer.h"
#include "dataplane/nic/virtio_header.h"
#include "dataplane/worker/worker.h"

namespace weft::nic {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text(const net::MacAddress& mac) {
  std::array<char, 18> out{};
  const auto& b = mac.bytes;
  std::snprintf(out.data(), out.size(), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
  return out.data();
}

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

PodPortOptions pod_options(const TestNamespace& ns, std::vector<IpAddress> addresses, unsigned queues = 1) {
  PodPortOptions options;
  options.network_namespace = ns.path();
  options.queues = queues;
  options.mtu = 1450;
  options.addresses = std::move(addresses);
  options.gateways = {ip("169.254.1.1"), ip("fe80::1")};
  return options;
}

class TapTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
    ASSERT_TRUE(ns_.valid()) << "cannot make a network namespace; not root?";
  }
  // A veth whose end "wire" is in ns_ and whose end "far" in the caller's.
  Outcome make_wire() {
    const int fd = ::open(ns_.path().c_str(), O_RDONLY);  // without O_CLOEXEC: `ip` names it
    const std::string said = TestNamespace::shell(
        "ip link add far type veth peer name wire address 02:00:00:00:00:01 netns /proc/" +
        std::to_string(::getpid()) + "/fd/" + std::to_string(fd));
    ::close(fd);
    return said.empty() ? Outcome() : std::unexpected(said);
  }
  static int frames_received(const TestNamespace& peer) {
    return std::stoi(peer.run("ip -s link show far | sed -n '/RX:/{n;p}' | awk '{print $2}'"));
  }
  TestNamespace ns_;
};

TEST(VirtioHeader, SuperSegmentBothWays) {
  const VirtioHeader in{VirtioHeader::kNeedsChecksum, VirtioHeader::kGsoTcp4 | VirtioHeader::kGsoEcn, 66, 1448, 34, 16};
  Offload offload;
  ASSERT_TRUE(from_virtio(in, &offload));
  EXPECT_EQ(offload.gso, GsoType::kTcp4);
  EXPECT_EQ(offload.gso_size, 1448);
  EXPECT_TRUE(offload.needs_checksum);
  std::array<std::uint8_t, 66> frame{};
  frame[34 + 12] = 8 << 4;
  const VirtioHeader out = to_virtio(offload, frame);
  EXPECT_EQ(out.gso_type, VirtioHeader::kGsoTcp4);
  EXPECT_EQ(out.hdr_len, 66);
  EXPECT_EQ(out.csum_start, 34);
  EXPECT_EQ(out.csum_offset, 16);
}

TEST(VirtioHeader, RefusesUdpSegmentation) {
  Offload offload;
  EXPECT_FALSE(from_virtio({.gso_type = 5}, &offload));
}

TEST_F(TapTest, PodHasAddressesRoutesAndGateway) {
  const auto port = open_pod_port(pod_options(ns_, {ip("10.244.1.5"), ip("fd00:1::5")}));
  ASSERT_TRUE(port) << port.error();
  EXPECT_THAT(ns_.run("ip addr show eth0"), testing::AllOf(HasSubstr("inet 10.244.1.5/32 "), HasSubstr("mtu 1450"),
                                                           HasSubstr("inet6 fd00:1::5/128"), HasSubstr("LOWER_UP"),
                                                           HasSubstr(text(pod_mac(ip("10.244.1.5"))))));
  EXPECT_THAT(ns_.run("ip addr show eth0"), Not(HasSubstr("tentative")));
  EXPECT_THAT(ns_.run("ip route"), HasSubstr("default via 169.254.1.1 dev eth0"));
  EXPECT_THAT(ns_.run("ip -6 route"), HasSubstr("default via fe80::1 dev eth0"));
  EXPECT_THAT(ns_.run("ip neigh show nud permanent"),
              testing::AllOf(HasSubstr("169.254.1.1 dev eth0 lladdr " + text(gateway_mac())),
                             HasSubstr("fe80::1 dev eth0 lladdr " + text(gateway_mac()))));
  EXPECT_THAT(ns_.run("ip route get 8.8.8.8"), HasSubstr("src 10.244.1.5"));
  EXPECT_THAT(ns_.run("ip -6 route get 2001:db8::1"), HasSubstr("src fd00:1::5"));
}

TEST_F(TapTest, DeviceOutlivesItsProcessAndReopensAsItWas) {
  const auto options = pod_options(ns_, {ip("10.244.1.5"), ip("fd00:1::5")}, 2);
  { ASSERT_TRUE(open_pod_port(options)); }
  const std::string before = ns_.run("ip -o addr show eth0; ip route; ip -6 route");
  EXPECT_THAT(before, HasSubstr("10.244.1.5"));
  const auto port = open_pod_port(options);
  ASSERT_TRUE(port) << port.error();
  EXPECT_EQ((*port)->queues(), 2u);
  const auto twice = open_pod_port(options);
  ASSERT_TRUE(twice) << "two owners during a take-over: " << twice.error();
  EXPECT_EQ(ns_.run("ip -o addr show eth0"), before.substr(0, before.find("default")));
}

TEST_F(TapTest, ReconfigurationRemovesWhatIsNotWanted) {
  { ASSERT_TRUE(open_pod_port(pod_options(ns_, {ip("10.244.1.5")}))); }
  const auto port = open_pod_port(pod_options(ns_, {ip("10.244.1.6")}));
  ASSERT_TRUE(port) << port.error();
  EXPECT_THAT(ns_.run("ip addr show eth0"), testing::AllOf(HasSubstr("10.244.1.6/32"), Not(HasSubstr("10.244.1.5"))));
  EXPECT_THAT(ns_.run("ip route get 8.8.8.8"), HasSubstr("src 10.244.1.6"));
}

TEST_F(TapTest, DestroyRemovesTheDeviceOnceTheLastLinkIsGone) {
  HeapBufferPool small(kSmallCapacity), large(kLargeCapacity);
  auto port = open_pod_port(pod_options(ns_, {ip("10.244.1.5")}));
  ASSERT_TRUE(port) << port.error();
  auto link = (*port)->link(0, std::make_shared<ReceiveBuffers>(small, large));
  (*port)->destroy();
  link.reset();
  EXPECT_THAT(ns_.run("ip link show eth0"), HasSubstr("does not exist"));
}

TEST_F(TapTest, RemoveByNameIsIdempotentAndForgivesAbsence) {
  { ASSERT_TRUE(open_pod_port(pod_options(ns_, {ip("10.244.1.5")}))); }
  EXPECT_TRUE(remove_pod_port(ns_.path(), "eth0"));
  EXPECT_THAT(ns_.run("ip link show eth0"), HasSubstr("does not exist"));
  EXPECT_TRUE(remove_pod_port(ns_.path(), "eth0"));
  EXPECT_TRUE(remove_pod_port("/var/run/netns/nic-absent", "eth0"));
}

TEST_F(TapTest, DeadNamespaceIsAClearError) {
  auto options = pod_options(ns_, {ip("10.244.1.5")});
  options.network_namespace = "/var/run/netns/nic-absent";
  const auto port = open_pod_port(options);
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), testing::AllOf(HasSubstr("eth0"), HasSubstr("/var/run/netns/nic-absent: No such file")));
}

TEST_F(TapTest, NamespaceThatDiesUnderThePortIsSurvived) {
  HeapBufferPool small(kSmallCapacity), large(kLargeCapacity);
  auto port = open_pod_port(pod_options(ns_, {ip("10.244.1.5")}));
  ASSERT_TRUE(port) << port.error();
  auto link = (*port)->link(0, std::make_shared<ReceiveBuffers>(small, large));
  ns_.run("ip link del eth0");
  Packet packet;
  EXPECT_EQ(link->receive({&packet, 1}), 0u);
  packet.bytes = ByteChain::copy_of(std::vector<std::uint8_t>(60), small);
  EXPECT_EQ(link->transmit({&packet, 1}), 0u);
  EXPECT_EQ((*port)->counters(0).drops.value(TapDrop::kDeviceGone), 1u);
  (*port)->destroy();
}

TEST_F(TapTest, ForeignDeviceOfTheSameNameIsRefused) {
  ns_.run("ip link add eth0 type veth peer name far0");
  const auto port = open_pod_port(pod_options(ns_, {ip("10.244.1.5")}));
  ASSERT_FALSE(port);
  EXPECT_THAT(port.error(), HasSubstr("eth0 exists and is not a TAP"));
}

TEST_F(TapTest, HostPortRoutesPodsFromTheNodeAddress) {
  const Outcome outcome = in_network_namespace(ns_.path(), [&]() -> Outcome {
    HostPortOptions options{.node_addresses = {ip("192.0.2.1"), ip("2001:db8::1")},
                            .gateways = {ip("169.254.1.1"), ip("fe80::1")},
                            .routes = {*IpPrefix::parse("10.244.1.0/24"), *IpPrefix::parse("fd00:1::/64")}};
    auto port = open_host_port(options);
    if (!port) return std::unexpected(port.error());
    const std::string routes = TestNamespace::shell("ip route get 10.244.1.5; ip -6 route get fd00:1::5");
    EXPECT_THAT(routes, HasSubstr("10.244.1.5 via 169.254.1.1 dev weft0 src 192.0.2.1"));
    EXPECT_THAT(routes, HasSubstr("fd00:1::5 from :: via fe80::1 dev weft0"));
    EXPECT_THAT(routes, HasSubstr("src 2001:db8::1"));
    if (auto done = set_host_routes(**port, {*IpPrefix::parse("10.244.7.0/24")}); !done) return done;
    const std::string after = TestNamespace::shell("ip route; ip -6 route");
    EXPECT_THAT(after, HasSubstr("10.244.7.0/24"));
    EXPECT_THAT(after, testing::AllOf(Not(HasSubstr("10.244.1.0")), Not(HasSubstr("fd00:1"))));
    (*port)->destroy();
    return {};
  });
  EXPECT_TRUE(outcome) << outcome.error();
}

// The node has an address elsewhere, and a neighbour on the wire calls it: its kernel would answer.
TEST_F(TapTest, QuietInterfaceIsSilentAndDeaf) {
  TestNamespace peer;
  const Outcome made = in_network_namespace(peer.path(), [&] { return make_wire(); });
  ASSERT_TRUE(made) << made.error();
  ns_.run("ip link set lo up && ip addr add 192.0.2.7/32 dev lo && ip link set wire up && "
          "ip addr add 192.0.2.1/24 dev wire");
  peer.run("ip addr add 192.0.2.2/24 dev far && ip link set far up && "
           "ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:01 dev far && sysctl -qw net.ipv6.conf.far.disable_ipv6=1");
  const auto call = [&] {
    const int before = frames_received(peer);
    peer.run("timeout 0.3 bash -c '</dev/tcp/192.0.2.7/80'; timeout 0.3 bash -c '</dev/tcp/192.0.2.1/80'");
    return frames_received(peer) - before;
  };
  EXPECT_GT(call(), 0);
  const Outcome quiet = in_network_namespace(ns_.path(), [] { return quiet_interface("wire"); });
  ASSERT_TRUE(quiet) << quiet.error();
  EXPECT_EQ(call(), 0);
  const std::string state = ns_.run("ip addr show wire");
  EXPECT_THAT(state, testing::AllOf(HasSubstr("NOARP"), Not(HasSubstr("inet")), HasSubstr("UP")));
}

// Two pods, one worker between them, one kernel TCP connection of each family.
class TwoPods : public TapTest {
 protected:
  void start() {
    connect(1, ns_, {ip("10.244.1.5"), ip("fd00:1::5")});
    connect(2, other_, {ip("10.244.1.6"), ip("fd00:1::6")});
    thread_ = std::thread(&worker::Worker::run, &worker_);
  }
  void TearDown() override {
    worker_.stop();
    if (thread_.joinable()) thread_.join();
  }
  void connect(InterfaceId id, const TestNamespace& ns, const std::vector<IpAddress>& addresses) {
    auto port = open_pod_port(pod_options(ns, addresses));
    ASSERT_TRUE(port) << port.error();
    for (const IpAddress& address : addresses) engine_.add(address, {id, pod_mac(addresses.front())});
    worker_.add_link(id, (*port)->link(0, buffers_));
    ports_.push_back(std::move(*port));
  }

  TestNamespace other_;
  HeapBufferPool small_{kSmallCapacity}, large_{kLargeCapacity};
  std::shared_ptr<ReceiveBuffers> buffers_ = std::make_shared<ReceiveBuffers>(small_, large_);
  std::vector<std::unique_ptr<Tap>> ports_;
  ForwardEngine engine_{gateway_mac()};
  worker::Worker worker_{{.small_pool = &small_, .large_pool = &large_}, engine_};
  std::thread thread_;
};

TEST_F(TwoPods, KernelTcpPassesInSuperSegments) {
  start();
  for (const auto* address : {"10.244.1.6", "fd00:1::6"}) {
    const double rate = TcpTransfer::run(ns_, other_, ip(address), 200'000'000);
    EXPECT_GT(rate, 0) << address;
    RecordProperty(std::string("gbit_per_second_") + (ip(address).is_v6() ? "v6" : "v4"), std::to_string(rate / 1e9));
    std::printf("  %s: %.1f Gbit/s\n", address, rate / 1e9);
  }
  const TapCounters& in = ports_[0]->counters(0);
  EXPECT_GT(in.super_segments_in.value(), 0u);
  EXPECT_GT(in.received_bytes.value() / in.received.value(), 5000u) << "mean frame";
  EXPECT_GT(ports_[1]->counters(0).super_segments_out.value(), 0u);
}

TEST_F(TwoPods, IdleTakesUnderThreePercentOfACore) {
  start();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_LT(static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC, 0.03);
}

}  // namespace
}  // namespace weft::nic
