// What becomes of good, bad, doubled and vanished objects.
#include "controlplane/config/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/config/source_files.h"

namespace weft::controlplane {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string allow(const std::string& name, const std::string& principal) {
  return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name +
         ", namespace: a}\nspec: {rules: [{from: [{source: {principals: [" + principal + "]}}]}]}\n";
}
std::string broken_deny(const std::string& name) {
  return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name +
         ", namespace: a}\nspec: {action: DENY, rules: [{from: [{source: {pricipals: [x]}}]}]}\n";
}
std::string name_space(const std::string& name, const std::string& label = "x") {
  return "apiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", labels: {l: " + label + "}}\n";
}

class StoreTest : public testing::Test {
 protected:
  StoreTest()
      : store({.system_namespace = "istio-system", .mesh_config_map = "istio", .unix_ns = [this] { return now; }}) {
    store.add_listener([this](const auto& snapshot, const std::vector<ObjectKey>& changed) {
      last_changed.clear();
      for (const ObjectKey& key : changed) last_changed.push_back(key.to_string());
      versions.push_back(snapshot->version());
    });
  }
  void put(const std::string& file, const std::string& text) { store.on_update({parse_origin(file, text)}); }
  void remove(const std::string& file) { store.on_update({{file, OriginUpdate::What::kGone, {}, {}}}); }
  std::shared_ptr<const Snapshot> now_is() const { return store.snapshot(); }
  std::vector<std::string> told() const {
    std::vector<std::string> texts;
    for (const Problem& problem : store.snapshot()->problems()) texts.push_back(problem.to_string());
    return texts;
  }
  Shared<AuthorizationPolicy> policy(const std::string& name) const {
    return store.snapshot()->get<AuthorizationPolicy>(Kind::kAuthorizationPolicy, "a", name);
  }
  std::string principal(const std::string& name) const {
    auto found = policy(name);
    return found ? found->rules.at(0).from.at(0).principals.at(0) : "absent";
  }

  std::int64_t now = 1000;
  Store store;
  std::vector<std::string> last_changed;
  std::vector<std::uint64_t> versions;
};

TEST_F(StoreTest, SaysNothingBeforeTheInitialLoadIsComplete) {
  put("a.yaml", name_space("one"));
  put("b.yaml", name_space("two"));
  EXPECT_THAT(versions, IsEmpty());
  EXPECT_FALSE(now_is()->ready());
  store.on_synced();
  EXPECT_EQ(versions.size(), 1u);
  EXPECT_THAT(last_changed, ElementsAre("Namespace one", "Namespace two"));
  EXPECT_TRUE(now_is()->ready());
}

TEST_F(StoreTest, TellsWhatChanged) {
  store.on_synced();
  put("a.yaml", name_space("one") + "---\n" + name_space("two"));
  EXPECT_THAT(last_changed, ElementsAre("Namespace one", "Namespace two"));
  put("a.yaml", name_space("one") + "---\n" + name_space("two", "z"));
  EXPECT_THAT(last_changed, ElementsAre("Namespace two"));
  const std::size_t calls = versions.size();
  put("a.yaml", "# rewritten\n" + name_space("one") + "---\n" + name_space("two", "z"));
  EXPECT_EQ(versions.size(), calls) << "the same values are no change";
  remove("a.yaml");
  EXPECT_THAT(last_changed, ElementsAre("Namespace one", "Namespace two"));
  EXPECT_EQ(now_is()->find({Kind::kNamespace, "", "one"}), nullptr);
}

TEST_F(StoreTest, OldSnapshotsStayAsTheyWere) {
  store.on_synced();
  put("a.yaml", name_space("one"));
  auto before = now_is();
  remove("a.yaml");
  EXPECT_NE(before->find({Kind::kNamespace, "", "one"}), nullptr);
}

TEST_F(StoreTest, BrokenYamlKeepsTheFilesLastGoodObjects) {
  put("p.yaml", allow("p", "one"));
  store.on_synced();
  put("p.yaml", allow("p", "two") + "---\nkind: [unclosed\n");
  EXPECT_EQ(principal("p"), "one");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("p.yaml:7:1: not YAML: end of sequence flow not found")));
  EXPECT_TRUE(now_is()->ready());
  put("p.yaml", allow("p", "two"));
  EXPECT_EQ(principal("p"), "two");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(StoreTest, InvalidObjectKeepsItsOwnLastGoodVersion) {
  put("p.yaml", allow("p", "one") + "---\n" + allow("q", "one"));
  store.on_synced();
  put("p.yaml", broken_deny("p") + "---\n" + allow("q", "two"));
  EXPECT_EQ(principal("p"), "one");
  EXPECT_EQ(principal("q"), "two");
  EXPECT_THAT(told(), ElementsAre("p.yaml:4:48: AuthorizationPolicy a/p: spec.rules[0].from[0].source.pricipals: "
                                  "unknown field: known here: principals, notPrincipals, requestPrincipals, "
                                  "notRequestPrincipals, namespaces, notNamespaces, serviceAccounts, "
                                  "notServiceAccounts, ipBlocks, notIpBlocks, remoteIpBlocks, notRemoteIpBlocks, "
                                  "trustDomains, notTrustDomains; its last good version stays"));
  EXPECT_TRUE(now_is()->ready());
}

TEST_F(StoreTest, BrokenDenyAtFirstStartKeepsItFromBeingReady) {
  put("a.yaml", name_space("a"));
  put("p.yaml", broken_deny("p"));
  store.on_synced();
  EXPECT_TRUE(now_is()->synced());
  EXPECT_FALSE(now_is()->ready());
  ASSERT_EQ(now_is()->blocking().size(), 1u);
  EXPECT_THAT(now_is()->blocking()[0].to_string(), HasSubstr("(nothing is served until this is repaired)"));
  put("p.yaml", allow("p", "x"));
  EXPECT_TRUE(now_is()->ready());
}

TEST_F(StoreTest, WhatElseKeepsItFromBeingReady) {
  const std::pair<const char*, bool> rows[] = {
      {"a: [", true},                                                                            // may hold anything
      {"apiVersion: security.istio.io/v1\nkind: PeerAuthentcation\nmetadata: {name: x}", true},  // misspelt
      {"apiVersion: security.istio.io/v9\nkind: PeerAuthentication\nmetadata: {name: x}", true},
      {"apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: x, namespace: a}\nspec: {mtls: "
       "1}",
       true},
      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: 'a: b'}",
       true},
      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: istio-system}\ndata: {mesh: 'a: b'}",
       false},
      {"apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\nspec: []", false},
      {"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: a}", false},
      {"apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: v, namespace: a}", false},
  };
  for (const auto& [text, blocks] : rows) {
    Store fresh({});
    fresh.on_update({parse_origin("f.yaml", text)});
    fresh.on_synced();
    EXPECT_EQ(fresh.snapshot()->ready(), !blocks) << text;
  }
}

TEST_F(StoreTest, OnceReadyABrokenNewPolicyIsReportedAndHasNoEffect) {
  store.on_synced();
  put("p.yaml", broken_deny("p"));
  EXPECT_TRUE(now_is()->ready());
  EXPECT_EQ(policy("p"), nullptr);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("unknown field")));
}

TEST_F(StoreTest, DuplicateIsReportedAndTheFirstStays) {
  put("b.yaml", allow("p", "from-b"));
  put("a.yaml", allow("p", "from-a"));
  store.on_synced();
  EXPECT_EQ(principal("p"), "from-b") << "it was there first";
  EXPECT_THAT(
      told(),
      ElementsAre("a.yaml: AuthorizationPolicy a/p: duplicate object: b.yaml has it already; that one counts"));
  remove("b.yaml");
  EXPECT_EQ(principal("p"), "from-a");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(StoreTest, DuplicateInOneBatchGoesByFileName) {
  store.on_update({parse_origin("b.yaml", allow("p", "from-b")), parse_origin("a.yaml", allow("p", "from-a"))});
  store.on_synced();
  EXPECT_EQ(principal("p"), "from-a");
}

TEST_F(StoreTest, DuplicateInOneFileGoesByOrder) {
  put("a.yaml", allow("p", "one") + "---\n" + allow("p", "two"));
  store.on_synced();
  EXPECT_EQ(principal("p"), "one");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("duplicate object")));
}

TEST_F(StoreTest, MisspeltKindDoesNotDeleteThePolicy) {
  put("p.yaml", allow("p", "one"));
  store.on_synced();
  std::string text = allow("p", "one");
  text.replace(text.find("AuthorizationPolicy"), 19, "AuthorizationPolcy");
  put("p.yaml", text);
  EXPECT_EQ(principal("p"), "one");
  EXPECT_THAT(told(), ElementsAre(HasSubstr("p.yaml:2:1: kind: unknown kind")));
  put("p.yaml", name_space("other"));
  EXPECT_EQ(policy("p"), nullptr) << "a good file without it deletes it";
}

TEST_F(StoreTest, KnownKindThatIsNotReadIsAWarningByName) {
  put("v.yaml", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: a}\n");
  store.on_synced();
  EXPECT_TRUE(now_is()->ready());
  EXPECT_THAT(told(), ElementsAre("v.yaml:2:1: kind: kind has no effect yet: VirtualService a/v"));
}

TEST_F(StoreTest, StampsObjectsOnceWithTheirLoadTime) {
  put("p.yaml", allow("p", "one"));
  store.on_synced();
  now = 2000;
  put("p.yaml", allow("p", "two"));
  EXPECT_EQ(policy("p")->meta.creation_unix_ns, 1000);
  remove("p.yaml");
  put("p.yaml", allow("p", "three"));
  EXPECT_EQ(policy("p")->meta.creation_unix_ns, 2000);
}

TEST_F(StoreTest, ListsAreTakenApart) {
  put("l.yaml", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
                "- {apiVersion: v1, kind: Namespace, metadata: {name: b}}\n");
  store.on_synced();
  EXPECT_THAT(last_changed, UnorderedElementsAre("Namespace a", "Namespace b"));
}

}  // namespace
}  // namespace weft::controlplane
