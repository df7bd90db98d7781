// istiod's rules of the delta protocol, step by step and without a network.
#include "controlplane/xds/session.h"

#include <envoy/config/core/v3/base.pb.h>
#include <envoy/service/discovery/v3/discovery.pb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlplane/registry/test_cluster.h"

namespace weft::controlplane {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;
using Request = DeltaSession::Request;

constexpr const char* kWebCluster = "outbound|80||web.shop.svc.cluster.local";
constexpr const char* kDbCluster = "outbound|3306||db.shop.svc.cluster.local";

struct Pushed {
  XdsType type;
  Names names, removed;
  std::string nonce;
  std::map<std::string, std::string> versions;
};

void set_node(envoy::config::core::v3::Node* node, const std::string& name_space = "shop") {
  node->set_id("sidecar~10.1.0.1~web." + name_space + "~" + name_space + ".svc.cluster.local");
  auto& fields = *node->mutable_metadata()->mutable_fields();
  fields["NAMESPACE"].set_string_value(name_space);
  fields["SERVICE_ACCOUNT"].set_string_value("web");
  fields["INSTANCE_IPS"].set_string_value("10.1.0.1,fd00::1");
  fields["DNS_CAPTURE"].set_string_value("true");
}

// The stream of pod shop/web in the world of kShop.
class DeltaFixture : public testing::Test {
 protected:
  DeltaFixture() {
    cluster_.put("shop.yaml", kShop);
    world_ = World::build(cluster_.index(), {}, nullptr);
    connect();
  }

  void connect() {
    events_.on_reject = [this](XdsType, std::string_view message) { rejected_ = message; };
    events_.on_stale_nonce = [this] { ++stale_; };
    session_.emplace(world_, [this](const Proxy&) { return refusal_; }, events_);
  }

  Request request(XdsType type, const Names& subscribe = {}, const Names& unsubscribe = {}) {
    Request out;
    out.set_type_url(std::string(type_url(type)));
    if (!session_->proxy()) set_node(out.mutable_node());
    for (const auto& name : subscribe) out.add_resource_names_subscribe(name);
    for (const auto& name : unsubscribe) out.add_resource_names_unsubscribe(name);
    return out;
  }
  Request ack(const Pushed& pushed) {
    Request out = request(pushed.type);
    out.set_response_nonce(pushed.nonce);
    return out;
  }

  std::vector<Pushed> send(const Request& request) {
    const auto error = session_->on_request(request);
    EXPECT_FALSE(error) << error->message;
    return pushes();
  }
  std::vector<Pushed> pushes() {
    std::vector<Pushed> out;
    DeltaSession::Response response;
    while (session_->poll_response(&response)) {
      Pushed pushed{*xds_type(response.type_url()), {}, {}, response.nonce(), {}};
      for (const auto& each : response.resources()) {
        pushed.names.push_back(each.name());
        pushed.versions[each.name()] = each.version();
      }
      pushed.removed = {response.removed_resources().begin(), response.removed_resources().end()};
      out.push_back(std::move(pushed));
    }
    return out;
  }
  std::vector<Pushed> change(const std::string& origin, std::string_view yaml) {
    const TestCluster::Step step = cluster_.step(origin, yaml);
    world_ = World::build(step.index, step.delta, world_);
    session_->on_world(world_);
    return pushes();
  }
  // As Envoy starts: everything, then the endpoints of the clusters that it got.
  void start() {
    send(request(XdsType::kCluster));
    send(request(XdsType::kEndpoints, {kWebCluster, kDbCluster}));
    send(request(XdsType::kListener));
  }

  TestCluster cluster_;
  std::shared_ptr<const World> world_;
  std::optional<StreamError> refusal_;
  SessionEvents events_;
  std::optional<DeltaSession> session_;
  std::string rejected_;
  int stale_ = 0;
};

constexpr std::string_view kDenyDb = R"(
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, action: DENY, rules: [{}]}
)";

TEST_F(DeltaFixture, TheFirstMessageMustSayWhoAsks) {
  Request request;
  request.set_type_url(std::string(type_url(XdsType::kCluster)));
  const auto error = session_->on_request(request);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, StreamErrorCode::kInvalidArgument);
  EXPECT_EQ(error->message, "missing node information");
}

TEST_F(DeltaFixture, OtherNodeTypesAreRefusedByName) {
  Request request = this->request(XdsType::kCluster);
  request.mutable_node()->set_id("ztunnel~10.0.0.1~z.istio-system~istio-system.svc.cluster.local");
  const auto error = session_->on_request(request);
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, testing::HasSubstr("ztunnel"));
}

TEST_F(DeltaFixture, AStreamSpeaksForItsOwnAccountOnly) {
  refusal_ = StreamError{StreamErrorCode::kPermissionDenied, "not yours"};
  const auto error = session_->on_request(request(XdsType::kCluster));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, StreamErrorCode::kPermissionDenied);
}

TEST_F(DeltaFixture, AnEmptyFirstSubscriptionMeansEverything) {
  const auto pushed = send(request(XdsType::kCluster));
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_THAT(pushed[0].names, ElementsAre("BlackHoleCluster", "InboundPassthroughCluster", "PassthroughCluster",
                                           "inbound|8080||", kDbCluster, kWebCluster));
}

TEST_F(DeltaFixture, StarAndUnstarTogetherSubscribeToNothing) {
  const auto pushed = send(request(XdsType::kCluster, {"*"}, {"*"}));
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_THAT(pushed[0].names, IsEmpty());
}

TEST_F(DeltaFixture, AnAcknowledgementIsNotAnswered) {
  const auto pushed = send(request(XdsType::kCluster));
  EXPECT_THAT(send(ack(pushed[0])), IsEmpty());
  EXPECT_EQ(session_->status(XdsType::kCluster).acked_nonce, pushed[0].nonce);
}

TEST_F(DeltaFixture, ARejectionIsCountedAndNotAnswered) {
  const auto pushed = send(request(XdsType::kListener));
  Request nack = ack(pushed[0]);
  nack.mutable_error_detail()->set_message("listener x: unknown filter");
  EXPECT_THAT(send(nack), IsEmpty());
  EXPECT_EQ(rejected_, "listener x: unknown filter");
  EXPECT_EQ(session_->status(XdsType::kListener).error, "listener x: unknown filter");
}

TEST_F(DeltaFixture, AStaleNonceAcknowledgesNothing) {
  send(request(XdsType::kCluster));
  Request stale = request(XdsType::kCluster);
  stale.set_response_nonce("something-else");
  EXPECT_THAT(send(stale), IsEmpty());
  EXPECT_EQ(stale_, 1);
  EXPECT_EQ(session_->status(XdsType::kCluster).acked_nonce, "");
}

TEST_F(DeltaFixture, ANameThatIsNotThereIsAnsweredAsRemovedOnce) {
  const auto pushed = send(request(XdsType::kEndpoints, {kWebCluster, "outbound|1||none"}));
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_THAT(pushed[0].names, ElementsAre(kWebCluster));
  EXPECT_THAT(pushed[0].removed, ElementsAre("outbound|1||none"));
}

TEST_F(DeltaFixture, UnsubscribedNamesAreForgotten) {
  start();
  EXPECT_THAT(send(request(XdsType::kEndpoints, {}, {kDbCluster})), IsEmpty());
  const auto again = send(request(XdsType::kEndpoints, {kDbCluster}));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_THAT(again[0].names, ElementsAre(kDbCluster));
}

TEST_F(DeltaFixture, APolicySendsTheOneListenerThatItChanges) {
  start();
  const auto pushed = change("policy.yaml", kDenyDb);
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_EQ(pushed[0].type, XdsType::kListener);
  EXPECT_THAT(pushed[0].names, ElementsAre("virtualInbound"));
}

TEST_F(DeltaFixture, APolicyOfAnotherNamespaceSendsNothing) {
  start();
  EXPECT_THAT(change("policy.yaml", R"(
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny, namespace: other}
spec: {action: DENY, rules: [{}]}
)"),
              IsEmpty());
}

TEST_F(DeltaFixture, ANewServiceComesInOrder) {
  start();
  const auto pushed = change("more.yaml", R"(
apiVersion: v1
kind: Service
metadata: {name: more, namespace: other}
spec: {clusterIP: 10.0.0.9, ports: [{name: tcp, port: 90, protocol: TCP}]}
)");
  ASSERT_EQ(pushed.size(), 2u);
  EXPECT_EQ(pushed[0].type, XdsType::kCluster);
  EXPECT_THAT(pushed[0].names, ElementsAre("outbound|90||more.other.svc.cluster.local"));
  EXPECT_EQ(pushed[1].type, XdsType::kListener);
  EXPECT_THAT(pushed[1].names, ElementsAre("10.0.0.9_90"));
  const auto gone = change("more.yaml", "");
  ASSERT_EQ(gone.size(), 2u);
  EXPECT_THAT(gone[0].removed, ElementsAre("outbound|90||more.other.svc.cluster.local"));
  EXPECT_THAT(gone[1].removed, ElementsAre("10.0.0.9_90"));
}

// A DISABLE on the port takes tlsMode from its endpoints; the cluster itself is as before.
TEST_F(DeltaFixture, EndpointsAloneChangeAlone) {
  start();
  const auto pushed = change("pa.yaml", R"(
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: db, namespace: shop}
spec: {selector: {matchLabels: {app: db}}, portLevelMtls: {3306: {mode: DISABLE}}}
)");
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_EQ(pushed[0].type, XdsType::kEndpoints);
  EXPECT_THAT(pushed[0].names, ElementsAre(kDbCluster));
}

TEST_F(DeltaFixture, EndpointsFollowAChangedCluster) {
  start();
  const auto pushed = change("pa.yaml", R"(
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: all, namespace: shop}
spec: {mtls: {mode: DISABLE}}
)");
  ASSERT_GE(pushed.size(), 3u);
  EXPECT_EQ(pushed[0].type, XdsType::kCluster);
  EXPECT_EQ(pushed[1].type, XdsType::kEndpoints);
  EXPECT_THAT(pushed[1].names, ElementsAre(kDbCluster, kWebCluster));
  EXPECT_EQ(pushed[2].type, XdsType::kListener);
}

TEST_F(DeltaFixture, AReconnectSendsWhatDiffersOnly) {
  const auto first = send(request(XdsType::kCluster));
  connect();
  Request again = request(XdsType::kCluster);
  for (const auto& [name, version] : first[0].versions) (*again.mutable_initial_resource_versions())[name] = version;
  (*again.mutable_initial_resource_versions())[kWebCluster] = "old";
  (*again.mutable_initial_resource_versions())["outbound|1||gone"] = "old";
  const auto pushed = send(again);
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_THAT(pushed[0].names, ElementsAre(kWebCluster));
  EXPECT_THAT(pushed[0].removed, ElementsAre("outbound|1||gone"));
}

TEST_F(DeltaFixture, AReconnectWithEverythingIsAnsweredEmpty) {
  const auto first = send(request(XdsType::kEndpoints, {kWebCluster}));
  connect();
  Request again = request(XdsType::kEndpoints, {kWebCluster});
  (*again.mutable_initial_resource_versions())[kWebCluster] = first[0].versions.at(kWebCluster);
  const auto pushed = send(again);
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_THAT(pushed[0].names, IsEmpty());
}

TEST_F(DeltaFixture, TheSameWorldAgainSendsNothing) {
  start();
  session_->on_world(World::build(cluster_.index(), {}, world_));
  EXPECT_THAT(pushes(), IsEmpty());
}

// A stream that missed many worlds compares everything.
TEST_F(DeltaFixture, AStreamFarBehindCatchesUp) {
  start();
  const TestCluster::Step step = cluster_.step("policy.yaml", kDenyDb);
  world_ = World::build(step.index, step.delta, world_);
  for (int i = 0; i < 100; ++i) world_ = World::build(step.index, {}, world_);
  session_->on_world(world_);
  const auto pushed = pushes();
  ASSERT_EQ(pushed.size(), 1u);
  EXPECT_THAT(pushed[0].names, ElementsAre("virtualInbound"));
}

TEST(SotwSession, AnswersNewNamesAloneAndAcksNotAtAll) {
  TestCluster cluster;
  cluster.put("shop.yaml", kShop);
  SotwSession session(World::build(cluster.index(), {}, nullptr), [](const Proxy&) { return std::nullopt; }, {});
  SotwSession::Request request;
  set_node(request.mutable_node());
  request.set_type_url(std::string(type_url(XdsType::kEndpoints)));
  request.add_resource_names(kWebCluster);
  ASSERT_FALSE(session.on_request(request));
  SotwSession::Response response;
  ASSERT_TRUE(session.poll_response(&response));
  EXPECT_EQ(response.resources_size(), 1);
  request.set_response_nonce(response.nonce());
  ASSERT_FALSE(session.on_request(request));
  EXPECT_FALSE(session.poll_response(&response));
  request.add_resource_names(kDbCluster);
  ASSERT_FALSE(session.on_request(request));
  ASSERT_TRUE(session.poll_response(&response));
  EXPECT_EQ(response.resources_size(), 1);
}

}  // namespace
}  // namespace weft::controlplane
