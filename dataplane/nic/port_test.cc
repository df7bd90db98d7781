// Uplinks as a node has them. DPDK starts once in a process, so each node is a process of its own: this program again,
// with --node; it forwards between one uplink and one pod. Needs root; makes nameless namespaces only.
#include "dataplane/nic/port.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>

#include "dataplane/nic/eal.h"
#include "tests/builders/forward_engine.h"
#include "dataplane/nic/host_port.h"
#include "dataplane/nic/pod_port.h"
#include "tests/builders/node_process.h"
#include "tests/builders/tcp_transfer.h"
#include "dataplane/worker/worker.h"

namespace weft::nic {
namespace {

constexpr InterfaceId kUplink = 1;
constexpr InterfaceId kPod = 2;

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

// --- the node ---

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "node: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T need(std::expected<T, std::string> value) {
  if (!value) die(value.error());
  return std::move(*value);
}

std::uint64_t sum(unsigned count, const auto& value_of) {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < count; ++i) total += value_of(i);
  return total;
}

struct Core {
  Core(unsigned index, unsigned count, const net::MacAddress& mac, MbufPool& small, MbufPool& large)
      : engine(mac), buffers(std::make_shared<ReceiveBuffers>(small, large)),
        worker({.index = index, .count = count, .small_pool = &small, .large_pool = &large,
                .thread_start = [] { if (auto done = register_thread(); !done) die(done.error()); },
                .thread_stop = [] { unregister_thread(); }}, engine) {}
  ForwardEngine engine;
  std::shared_ptr<ReceiveBuffers> buffers;
  worker::Worker worker;
};

void print_counters(const std::vector<std::unique_ptr<Core>>& cores, const Port& port, const MbufPool& small,
                    const Tap& pod) {
  const auto uplink = [&](auto&& value) {
    return sum(port.queues(), [&](unsigned q) { return value(port.counters(q)); });
  };
  const auto tap = [&](auto&& value) { return sum(pod.queues(), [&](unsigned q) { return value(pod.counters(q)); }); };
  std::printf("driver=%s queues=%u wake=%d tso=%d ", port.driver().c_str(), port.queues(),
              static_cast<int>(port.wake_up()), port.capabilities().tso);
  std::printf("received=%lu transmitted=%lu full=%lu ", uplink([](auto& c) { return c.received.value(); }),
              uplink([](auto& c) { return c.transmitted.value(); }),
              uplink([](auto& c) { return c.drops.value(PortDrop::kQueueFull); }));
  std::printf("super_in=%lu super_out=%lu in_use=%u ", tap([](auto& c) { return c.super_segments_in.value(); }),
              tap([](auto& c) { return c.super_segments_out.value(); }), small.in_use());
  const auto count = static_cast<unsigned>(cores.size());
  std::printf("sleeps=%lu forwarded=%lu\n",
              sum(count, [&](unsigned i) { return cores[i]->worker.counters().sleeps.value(); }),
              sum(count, [&](unsigned i) { return cores[i]->worker.counters().forwarded.value(); }));
  std::fflush(stdout);
}

net::MacAddress mac(const char* text) {
  net::MacAddress mac;
  auto& b = mac.bytes;
  std::sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]);
  return mac;
}

// Runs the workers until SIGTERM.
void run_workers(const std::vector<std::unique_ptr<Core>>& cores, const sigset_t& stop) {
  std::vector<worker::Worker*> workers;
  for (auto& core : cores) workers.push_back(&core->worker);
  worker::Worker::connect(workers);
  std::vector<std::thread> threads;
  for (worker::Worker* worker : workers) threads.emplace_back(&worker::Worker::run, worker);
  std::printf("ready\n");
  std::fflush(stdout);
  int signal;
  ::sigwait(&stop, &signal);
  for (worker::Worker* worker : workers) worker->stop();
  for (std::thread& thread : threads) thread.join();
}

// Arguments: name, device, namespace of the pod, pod address, other address, MAC of the other, workers.
int node(char** argv) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const std::string device = argv[1];
  const auto count = static_cast<unsigned>(std::atoi(argv[6]));
  if (auto started = start_eal({.node = argv[0], .devices = {device}, .memory_mb = 128}); !started)
    die(started.error());
  auto small = need(MbufPool::create("small", 8191, kSmallCapacity));
  auto large = need(MbufPool::create("large", 1023, kLargeCapacity));
  auto port = need(Port::open({.device = device, .queues = count, .small_pool = small.get()}));
  auto pod = need(open_pod_port({.network_namespace = argv[2], .queues = count, .mtu = 1500,
                                 .addresses = {ip(argv[3])}, .gateways = {ip("169.254.1.1")}}));
  {
    std::vector<std::unique_ptr<Core>> cores;
    for (unsigned i = 0; i < count; ++i) {
      cores.push_back(std::make_unique<Core>(i, count, port->mac(), *small, *large));
      Core& core = *cores.back();
      core.engine.add(ip(argv[3]), {kPod, pod_mac(ip(argv[3]))});
      core.engine.add(ip(argv[4]), {kUplink, mac(argv[5])});
      core.worker.add_link(kPod, pod->link(i, core.buffers));
      if (i < port->queues()) core.worker.add_link(kUplink, port->link(i));
      else core.worker.add_remote_link(kUplink, 0);
    }
    run_workers(cores, stop);
    print_counters(cores, *port, *small, *pod);
  }
  pod->destroy();
  return 0;
}

// --- the test's side ---

std::string inherited(const TestNamespace& ns) {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + ns.path().substr(ns.path().rfind('/') + 1);
}

class PortTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
    ASSERT_TRUE(pod_.valid()) << "cannot make a network namespace; not root?";
  }
  TestNamespace node_, pod_, other_;
};

// other_ --veth-- af_packet (node_) -- worker -- TAP -- pod_
class AfPacketTest : public PortTest {
 protected:
  void start(const std::string& device = "net_af_packet0,iface=nicwire", const std::string& workers = "1") {
    const Outcome made = in_network_namespace(other_.path(), [this] { return make_wire(); });
    ASSERT_TRUE(made);
    const Outcome quiet = in_network_namespace(node_.path(), [] { return quiet_interface("nicwire"); });
    ASSERT_TRUE(quiet) << quiet.error();
    other_.run("ip addr add 10.1.0.2/24 dev nicfar && ip link set nicfar up && "
               "ip route add 10.244.1.0/24 dev nicfar && "
               "ip neigh add 10.244.1.5 lladdr 02:00:00:00:00:01 dev nicfar && "
               "ethtool -K nicfar tx off rx off tso off gso off gro off");
    uplink_ = std::make_unique<Node>(node_, std::vector<std::string>{
        "nic-test-a", device, inherited(pod_), "10.244.1.5", "10.1.0.2", "02:00:00:00:00:02", workers});
    ASSERT_EQ(uplink_->line(), "ready\n");
    // The forwarder in the middle neither cuts nor sums: the pod's kernel has to.
    pod_.run("ethtool -K eth0 tx off tso off gso off");
  }
  Outcome make_wire() {
    const int fd = ::open(node_.path().c_str(), O_RDONLY);  // without O_CLOEXEC: `ip` names it
    const std::string said = TestNamespace::shell(
        "ip link add nicfar address 02:00:00:00:00:02 type veth peer name nicwire address 02:00:00:00:00:01 netns "
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd));
    ::close(fd);
    return said.empty() ? Outcome() : std::unexpected(said);
  }
  std::unique_ptr<Node> uplink_;
};

TEST_F(AfPacketTest, KernelTcpBothWays) {
  start();
  const double out = TcpTransfer::run(pod_, other_, ip("10.1.0.2"), 30'000'000);
  const double in = TcpTransfer::run(other_, pod_, ip("10.244.1.5"), 30'000'000);
  EXPECT_GT(out, 0);
  EXPECT_GT(in, 0);
  std::printf("  out %.2f, in %.2f Gbit/s\n", out / 1e9, in / 1e9);
  auto values = uplink_->stop();
  EXPECT_EQ(values["driver"], "net_af_packet");
  EXPECT_EQ(values["wake"], std::to_string(static_cast<int>(WakeUp::kSocket)));
}

// One flow's packets and acknowledgements come to either worker; both have a queue of the wire.
TEST_F(AfPacketTest, TwoQueuesTwoWorkers) {
  start("net_af_packet0,iface=nicwire,qpairs=2", "2");
  EXPECT_GT(TcpTransfer::run(pod_, other_, ip("10.1.0.2"), 10'000'000), 0);
  EXPECT_GT(TcpTransfer::run(other_, pod_, ip("10.244.1.5"), 10'000'000), 0);
  EXPECT_LT(TcpTransfer::round_trip_us(other_, pod_, ip("10.244.1.5"), 20, std::chrono::milliseconds(5)), 50'000);
  auto values = uplink_->stop();
  EXPECT_EQ(values["queues"], "2");
  EXPECT_EQ(values["wake"], std::to_string(static_cast<int>(WakeUp::kSocket)));
  EXPECT_EQ(values["forwarded"], "0");
}

// The second worker has no queue of the wire: its frames go through the first.
TEST_F(AfPacketTest, OneQueueTwoWorkers) {
  start("net_af_packet0,iface=nicwire", "2");
  for (int i = 0; i < 8; ++i) EXPECT_GT(TcpTransfer::run(pod_, other_, ip("10.1.0.2"), 1'000'000), 0);
  auto values = uplink_->stop();
  EXPECT_EQ(values["queues"], "1");
  EXPECT_GT(std::stoi(values["forwarded"]), 0);
}

TEST_F(AfPacketTest, RoundTripAfterSleep) {
  start();
  const double us = TcpTransfer::round_trip_us(other_, pod_, ip("10.244.1.5"), 50, std::chrono::milliseconds(10));
  EXPECT_GT(us, 0);
  EXPECT_LT(us, 50'000);  // a lost wake-up costs Worker::sleep() its 100 ms
  std::printf("  round trip after sleep: %.0f us\n", us);
  auto values = uplink_->stop();
  EXPECT_GT(std::stoi(values["sleeps"]), 20);
}

// pod_ -- TAP -- worker -- virtio-user === vhost -- worker -- TAP -- other_
TEST_F(PortTest, SuperSegmentsPassVirtioAndVhost) {
  const std::string socket = "/tmp/nic-test-" + std::to_string(::getpid()) + ".sock";
  Node server(node_, {"nic-test-b", "net_vhost0,iface=" + socket + ",queues=1,tso=1", inherited(other_), "10.244.1.6",
                      "10.244.1.5", "02:00:00:00:00:01", "1"});
  ASSERT_EQ(server.line(), "ready\n");
  Node client(node_, {"nic-test-c", "net_virtio_user0,path=" + socket + ",queues=1,queue_size=1024", inherited(pod_),
                      "10.244.1.5", "10.244.1.6", "02:00:00:00:00:02", "1"});
  ASSERT_EQ(client.line(), "ready\n");
  const double out = TcpTransfer::run(pod_, other_, ip("10.244.1.6"), 200'000'000);
  const double in = TcpTransfer::run(other_, pod_, ip("10.244.1.5"), 200'000'000);
  EXPECT_GT(out, 0);
  EXPECT_GT(in, 0);
  std::printf("  out %.2f, in %.2f Gbit/s\n", out / 1e9, in / 1e9);
  const double us = TcpTransfer::round_trip_us(pod_, other_, ip("10.244.1.6"), 50, std::chrono::milliseconds(10));
  EXPECT_GT(us, 0);
  EXPECT_LT(us, 50'000);  // a lost wake-up costs Worker::sleep() its 100 ms
  std::printf("  round trip after sleep: %.0f us\n", us);
  auto values = client.stop();
  EXPECT_EQ(values["wake"], std::to_string(static_cast<int>(WakeUp::kInterrupt)));
  EXPECT_GT(std::stoi(values["super_out"]), 0);
  EXPECT_EQ(values["tso"], "1");
  EXPECT_EQ(server.stop()["tso"], "1");
  ::unlink(socket.c_str());
}

TEST_F(PortTest, AbsentDeviceIsAClearError) {
  Node wrong(node_, {"nic-test-d", "net_af_packet0,iface=nosuch", inherited(pod_), "10.244.1.5", "10.244.1.6",
                     "02:00:00:00:00:02", "1"});
  EXPECT_EQ(wrong.line(), "");
}

}  // namespace
}  // namespace weft::nic

int main(int argc, char** argv) {
  if (argc == 9 && std::string_view(argv[1]) == "--node") return weft::nic::node(argv + 2);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
