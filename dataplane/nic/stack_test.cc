// Pods' kernels against the real packet layer and TCP, on two workers, through TAPs. Root and /dev/net/tun.
#include <gtest/gtest.h>

#include "dataplane/nic/pod_port.h"
#include "dataplane/nic/pool.h"
#include "dataplane/worker/stack_engine.h"
#include "dataplane/worker/worker.h"
#include "tests/builders/echo_application.h"
#include "tests/builders/shared_pool.h"
#include "tests/builders/tcp_transfer.h"

namespace weft::nic {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

constexpr unsigned kWorkers = 2;

struct Core {
  Core(unsigned index, BufferPool& small, BufferPool& large)
      : buffers(std::make_shared<ReceiveBuffers>(small, large)), stack(stack_options(index, small)),
        application(stack), engine(stack, application),
        worker({.index = index, .count = kWorkers, .small_pool = &small, .large_pool = &large}, engine) {}
  static net::StackOptions stack_options(unsigned index, BufferPool& small) {
    net::StackOptions options;
    options.worker = index;
    options.workers = kWorkers;
    options.headers = &small;
    options.tcp.worker = index;
    options.tcp.workers = kWorkers;
    return options;
  }
  std::shared_ptr<ReceiveBuffers> buffers;
  net::Stack stack;
  EchoApplication application;
  worker::StackEngine engine;
  worker::Worker worker;
};

// mesh_ (in the mesh), plain_ and other_ (not), one TAP queue for each worker.
class StackOnTaps : public testing::Test {
 protected:
  void SetUp() override {
    if (::access("/dev/net/tun", F_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
    ASSERT_TRUE(mesh_.valid()) << "cannot make a network namespace; not root?";
    std::vector<worker::Worker*> workers;
    for (unsigned i = 0; i < kWorkers; ++i) {
      cores_.push_back(std::make_unique<Core>(i, small_, large_));
      workers.push_back(&cores_[i]->worker);
    }
    worker::Worker::connect(workers);
    add_pod(1, mesh_, {ip("10.244.1.5"), ip("fd00:1::5")}, true);
    add_pod(2, plain_, {ip("10.244.1.6"), ip("fd00:1::6")}, false);
    add_pod(3, other_, {ip("10.244.1.7"), ip("fd00:1::7")}, false);
    auto network = net::Network::compile(spec_);
    ASSERT_TRUE(network) << network.error();
    for (auto& core : cores_) core->stack.set_network(*network);
    for (auto& core : cores_) threads_.emplace_back(&worker::Worker::run, &core->worker);
  }
  void TearDown() override {
    for (auto& core : cores_) core->worker.stop();
    for (auto& thread : threads_) thread.join();
  }
  void add_pod(InterfaceId id, const TestNamespace& ns, const std::vector<IpAddress>& addresses, bool in_mesh) {
    auto port = open_pod_port({.network_namespace = ns.path(), .queues = kWorkers, .addresses = addresses,
                               .gateways = {net::gateway_v4(), net::gateway_v6()}});
    ASSERT_TRUE(port) << port.error();
    for (unsigned i = 0; i < kWorkers; ++i)
      cores_[i]->worker.add_link(id, (*port)->link(i, cores_[i]->buffers));
    net::Interface interface;
    interface.id = id;
    interface.mac = gateway_mac();
    interface.peer_mac = pod_mac(addresses.front());
    interface.link = (*port)->capabilities();
    spec_.interfaces.push_back(interface);
    net::Pod pod;
    pod.interface = id;
    pod.addresses = addresses;
    pod.in_mesh = in_mesh;
    spec_.pods.push_back(pod);
    ports_.push_back(std::move(*port));
  }
  // Of all workers, once they stand still.
  void print() {
    for (auto& core : cores_) {
      const worker::WorkerCounters& c = core->worker.counters();
      std::printf("  worker %u: received %lu, transmitted %lu, handed over %lu, copied %lu, accepted %lu\n",
                  core->worker.index(), c.received.value(), c.transmitted.value(), c.handed_over.value(),
                  c.copied.value(), core->application.accepted);
    }
  }

  SharedPool small_{kSmallCapacity}, large_{kLargeCapacity};
  TestNamespace mesh_, plain_, other_;
  net::NetworkSpec spec_;
  std::vector<std::unique_ptr<Tap>> ports_;
  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<std::thread> threads_;
};

TEST_F(StackOnTaps, PodsOutsideTheMeshReachEachOther) {
  for (const auto* address : {"10.244.1.7", "fd00:1::7"}) {
    const double rate = TcpTransfer::run(plain_, other_, ip(address), 100'000'000);
    EXPECT_GT(rate, 0) << address;
    std::printf("  %s: %.1f Gbit/s\n", address, rate / 1e9);
  }
  print();
}

TEST_F(StackOnTaps, MeshPodTalksToOurTcpOnBothWorkers) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(TcpTransfer::echoes(mesh_, ip("10.244.1.6"), 3'000'000)) << i;
    EXPECT_TRUE(TcpTransfer::echoes(mesh_, ip("2001:db8::1"), 300'000)) << i;
  }
  TearDown();
  threads_.clear();
  print();
  for (auto& core : cores_) EXPECT_GT(core->application.accepted, 0u) << "worker " << core->worker.index();
  EXPECT_GT(cores_[0]->worker.counters().handed_over.value() + cores_[1]->worker.counters().handed_over.value(), 0u);
}

}  // namespace
}  // namespace weft::nic
