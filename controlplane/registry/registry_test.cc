// When listeners hear of a version, and what they are told has changed.
#include "controlplane/registry/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/source_files.h"
#include "controlplane/registry/cluster_yaml.h"

namespace weft::controlplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Two versions in a row, and what differs.
class RegistryTest : public testing::Test {
 protected:
  RegistryTest() : registry(store, {}) {
    registry.add_listener([this](const auto& index, const IndexDelta& d) {
      EXPECT_EQ(index, registry.index());
      delta = d;
      ++calls;
    });
  }
  void put(const std::string& yaml) { store.on_update({parse_origin("a.yaml", yaml)}); }

  Store store{StoreOptions{}};
  Registry registry;
  IndexDelta delta;
  int calls = 0;
  const std::string web = service("web", "clusterIP: 10.0.0.1, ports: [{name: tcp, port: 90}]") +
                          service("idle", "clusterIP: 10.0.0.2, ports: [{name: tcp, port: 90}]");
  const std::string backends = mesh_pod("w", "10.1.0.1", "web");
  const std::string slices = slice("web", endpoint("10.1.0.1", "w"), "{name: tcp, port: 90}");
};

TEST_F(RegistryTest, NothingBeforeTheFirstSyncThenEverything) {
  put(web + backends + slices);
  EXPECT_EQ(registry.index(), nullptr);
  EXPECT_EQ(calls, 0);
  store.on_synced();
  ASSERT_TRUE(registry.ready());
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(delta.mesh_config);
  EXPECT_THAT(delta.services, ElementsAre("idle.a.svc.cluster.local", "web.a.svc.cluster.local"));
  EXPECT_THAT(delta.workloads, ElementsAre(WorkloadKey{"a", "w"}));
}

TEST_F(RegistryTest, NothingWhileAPolicyBlocks) {
  put("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: a}\nspec: "
      "{action: DENY}");
  store.on_synced();
  EXPECT_FALSE(registry.ready());
  put(web);
  EXPECT_TRUE(registry.ready());
  EXPECT_EQ(calls, 1);
}

TEST_F(RegistryTest, EndpointChangeTouchesItsServiceAlone) {
  put(web + backends);
  store.on_synced();
  put(web + backends + slices);
  EXPECT_THAT(delta.endpoints, ElementsAre("web.a.svc.cluster.local"));
  EXPECT_THAT(delta.services, IsEmpty());
  EXPECT_THAT(delta.workloads, IsEmpty());
  EXPECT_FALSE(delta.mesh_config);
}

TEST_F(RegistryTest, PolicyChangeNamesItsNamespaceAndWhatItDoesToEndpoints) {
  put(web + backends + slices);
  store.on_synced();
  put(web + backends + slices + peer("a", "p", "1", "mtls: {mode: DISABLE}"));
  EXPECT_THAT(delta.peer_authentication, ElementsAre("a"));
  EXPECT_THAT(delta.endpoints, ElementsAre("web.a.svc.cluster.local"));
  EXPECT_THAT(delta.services, ElementsAre("idle.a.svc.cluster.local", "web.a.svc.cluster.local"));
  put(web + backends + slices + policy("AuthorizationPolicy", "a", "p", "1", ""));
  EXPECT_THAT(delta.authorization, ElementsAre("a"));
}

TEST_F(RegistryTest, WhatMeansNothingIsNoChange) {
  put(web);
  store.on_synced();
  put(web + "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: a}\n");
  EXPECT_EQ(calls, 1);
}

TEST_F(RegistryTest, MeshConfigChangesEverything) {
  put(web);
  store.on_synced();
  put(web + mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"));
  EXPECT_TRUE(delta.mesh_config);
  EXPECT_EQ(registry.index()->mesh().outbound, MeshConfig::Outbound::kRegistryOnly);
}

}  // namespace
}  // namespace weft::controlplane
