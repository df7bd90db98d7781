#include "dataplane/agent/pod_registry.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace weft::agent {
namespace {

// Devices as a kernel would keep them: they outlive the registry.
class FakePorts : public PodPorts {
 public:
  std::expected<PodPort, std::string> create(const PodPortRequest& request) override {
    if (!fails.empty()) return std::unexpected(fails);
    devices[request.netns + request.interface_name] = request.interface;
    return port(request);
  }
  std::expected<PodPort, std::string> reopen(const PodPortRequest& request) override {
    if (!devices.contains(request.netns + request.interface_name)) return std::unexpected("device is gone");
    return port(request);
  }
  std::expected<void, std::string> check(const PodPortRequest& request) override {
    if (!devices.contains(request.netns + request.interface_name)) return std::unexpected("device is missing");
    return {};
  }
  void remove(const PodPortRequest& request) override {
    pods_when_removed = count_pods();
    devices.erase(request.netns + request.interface_name);
  }

  std::map<std::string, InterfaceId> devices;
  std::string fails;
  std::function<std::size_t()> count_pods = [] { return 0u; };
  std::size_t pods_when_removed = 99;

 private:
  static PodPort port(const PodPortRequest& request) {
    return {"02:00:00:00:00:" + std::to_string(request.interface), "02:00:00:00:00:01", request.mtu,
            IpAddress::v4(169, 254, 1, 1), *IpAddress::parse("fe80::1")};
  }
};

class PodRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weft-pods-XXXXXX";
    path_ = mkdtemp(name);
    restart();
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void restart() {
    registry_ = std::make_unique<PodRegistry>(PodRegistry::Options{path_ + "/run/pods.json", 1500}, ports_,
                                              [this] { ++changes_; });
    restored_ = registry_->restore();
  }
  static PodRequest request(std::string container, std::string address) {
    return {{container, "eth0"}, "/run/netns/" + container,    "weft", {"samples", "pod-" + container},
            "u-" + container,    {*IpAddress::parse(address)}, 0};
  }
  InterfaceId interface_of(const std::string& container) { return registry_->pods().at({container, "eth0"}).interface; }

  std::string path_;
  FakePorts ports_;
  int changes_ = 0;
  std::unique_ptr<PodRegistry> registry_;
  std::expected<void, std::string> restored_;
};

TEST_F(PodRegistryTest, AddTwiceIsAddOnce) {
  const auto first = registry_->add(request("a", "10.0.0.1"));
  ASSERT_TRUE(first) << first.error().text;
  const auto second = registry_->add(request("a", "10.0.0.1"));
  ASSERT_TRUE(second);
  EXPECT_EQ(first->mac, second->mac);
  EXPECT_EQ(registry_->pods().size(), 1u);
  EXPECT_EQ(interface_of("a"), kFirstPodInterface);
}

TEST_F(PodRegistryTest, RestartFindsPodsAndTheirInterfaces) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  ASSERT_TRUE(registry_->add(request("b", "10.0.0.2")));
  ASSERT_TRUE(registry_->remove({"a", "eth0"}));
  restart();
  ASSERT_TRUE(restored_) << restored_.error();
  EXPECT_EQ(registry_->pods().size(), 1u);
  EXPECT_EQ(interface_of("b"), kFirstPodInterface + 1);
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  EXPECT_EQ(interface_of("a"), kFirstPodInterface + 2) << "ids are not given twice";
}

TEST_F(PodRegistryTest, RestartForgetsPodsWhoseDeviceIsGone) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  ports_.devices.clear();
  restart();
  EXPECT_TRUE(restored_);
  EXPECT_TRUE(registry_->pods().empty());
}

TEST_F(PodRegistryTest, DamagedStateFileRefusesToStart) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  std::ofstream(path_ + "/run/pods.json") << "{\"format\": 1, ";
  restart();
  ASSERT_FALSE(restored_);
  EXPECT_NE(restored_.error().find("pods.json is damaged"), std::string::npos) << restored_.error();
}

TEST_F(PodRegistryTest, RemoveTellsWorkersBeforeTheDeviceGoes) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  ports_.count_pods = [this] { return registry_->pods().size(); };
  const int before = changes_;
  ASSERT_TRUE(registry_->remove({"a", "eth0"}));
  EXPECT_EQ(changes_, before + 1);
  EXPECT_EQ(ports_.pods_when_removed, 0u);
  EXPECT_TRUE(registry_->remove({"a", "eth0"})) << "unknown pods are no error";
  EXPECT_EQ(changes_, before + 1);
}

TEST_F(PodRegistryTest, SameAttachmentOfAnotherPodInheritsNothing) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  PodRequest other = request("a", "10.0.0.1");
  other.uid = "u-2";
  ASSERT_TRUE(registry_->add(other));
  EXPECT_EQ(registry_->pods().size(), 1u);
  EXPECT_EQ(interface_of("a"), kFirstPodInterface + 1);
}

TEST_F(PodRegistryTest, AnAddressHasOnePod) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  const auto second = registry_->add(request("b", "10.0.0.1"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text,
            "address 10.0.0.1 belongs to attached pod samples/pod-a (container a); delete that first");
  ASSERT_TRUE(registry_->remove({"a", "eth0"}));
  EXPECT_TRUE(registry_->add(request("b", "10.0.0.1")));
}

TEST_F(PodRegistryTest, FailureOfTheDeviceLeavesNothing) {
  ports_.fails = "/run/netns/a: No such file or directory";
  const auto added = registry_->add(request("a", "10.0.0.1"));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, PodFailureKind::kFailed);
  EXPECT_EQ(added.error().text, ports_.fails);
  EXPECT_TRUE(registry_->pods().empty());
}

TEST_F(PodRegistryTest, CheckSaysWhatDiffers) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  const PodKey key{"a", "eth0"};
  auto checked = registry_->check(key, "/run/netns/a", {*IpAddress::parse("10.0.0.1")});
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->addresses, std::vector{*IpAddress::parse("10.0.0.1")});
  EXPECT_FALSE(checked->port.mac.empty());
  EXPECT_EQ(registry_->check({"b", "eth0"}, "/run/netns/b", {}).error().kind, PodFailureKind::kNotFound);
  EXPECT_EQ(registry_->check(key, "/run/netns/x", {}).error().text, "is attached in /run/netns/a, not in /run/netns/x");
  EXPECT_EQ(registry_->check(key, "/run/netns/a", {*IpAddress::parse("10.0.0.9")}).error().text,
            "has the addresses 10.0.0.1");
  ports_.devices.clear();
  EXPECT_EQ(registry_->check(key, "/run/netns/a", {}).error().text, "device is missing");
}

TEST_F(PodRegistryTest, CollectRemovesWhatIsNotNamed) {
  ASSERT_TRUE(registry_->add(request("a", "10.0.0.1")));
  ASSERT_TRUE(registry_->add(request("b", "10.0.0.2")));
  EXPECT_TRUE(registry_->collect("other", {}).empty());
  EXPECT_EQ(registry_->collect("weft", {{"a", "eth0"}}), (std::vector<PodKey>{{"b", "eth0"}}));
  EXPECT_EQ(registry_->pods().size(), 1u);
}

TEST_F(PodRegistryTest, RefusesWhatMakesNoSense) {
  PodRequest no_name = request("a", "10.0.0.1");
  no_name.name.second.clear();
  EXPECT_EQ(registry_->add(no_name).error().kind, PodFailureKind::kInvalid);
  PodRequest long_name = request("a", "10.0.0.1");
  long_name.key.interface_name = "a-very-long-device-name";
  EXPECT_EQ(registry_->add(long_name).error().text, "'a-very-long-device-name' cannot be a network device's name");
}

}  // namespace
}  // namespace weft::agent
