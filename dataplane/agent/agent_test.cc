// The whole agent against a control plane in the process: from CNI's AddPod to a served pod, and back.
#include "dataplane/agent/agent.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "crypto/credentials.h"
#include "dataplane/agent/fake_control_plane.h"
#include "dataplane/agent/xds_examples.h"
#include "mesh/node.h"
#include "weft/node/v1/node_service.grpc.pb.h"

namespace weft::agent {
namespace {

namespace node = ::weft::node::v1;

constexpr const char* kSleep = "spiffe://cluster.local/ns/samples/sa/sleep";

class NoPorts : public PodPorts {
 public:
  std::expected<PodPort, std::string> create(const PodPortRequest& request) override {
    return PodPort{"02:00:00:00:00:02", "02:00:00:00:00:01", request.mtu, IpAddress::v4(169, 254, 1, 1),
                   *IpAddress::parse("fe80::1")};
  }
  std::expected<PodPort, std::string> reopen(const PodPortRequest& request) override { return create(request); }
  std::expected<void, std::string> check(const PodPortRequest&) override { return {}; }
  void remove(const PodPortRequest&) override {}
};

class NoWorkers : public Introspection {
 public:
  std::vector<ConnectionRecord> connections(const QueryLimits&) override { return {}; }
  std::vector<DecisionRecord> decisions(const QueryLimits&) override {
    DecisionRecord record;
    record.pod = kFirstPodInterface;
    record.verdict = "refused";
    record.policy = "ns[samples]-policy[deny]-rule[0]";
    return {record};
  }
  std::vector<DropRecord> drops() override { return {{"ip", "bad_checksum", "bad checksum", 3}}; }
  std::vector<MetricRecord> metrics() override { return {}; }
  std::vector<std::pair<std::string, std::string>> status() override { return {{"record cipher", "test"}}; }
};

std::string pod_yaml(const std::string& name, const std::string& uid, const std::string& account, bool in_mesh) {
  return "kind: Pod\nmetadata:\n  name: " + name + "\n  namespace: samples\n  uid: " + uid +
         "\n  labels: {app: " + name + (in_mesh ? ", security.istio.io/tlsMode: istio" : "") +
         "}\nspec: {nodeName: node-a, serviceAccountName: " + account + "}\n";
}

class AgentTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weft-agent-XXXXXX";
    path_ = mkdtemp(name);
    std::filesystem::create_directory(path_ + "/cluster");
    write("root.pem", control_plane_.root_pem());
    write("token", "t");
    write("cluster/pods.yaml", pod_yaml("sleep", "u-1", "sleep", true));
    config_.node.name = "node-a";
    config_.xds.address = config_.ca.address = control_plane_.address();
    config_.xds.root_ca = config_.ca.root_ca = path_ + "/root.pem";
    config_.ca.server_name = config_.xds.server_name;
    config_.ca.token_file = path_ + "/token";
    config_.xds.backoff_min = config_.ca.backoff_min = Duration::milliseconds(50);
    config_.xds.backoff_max = config_.ca.backoff_max = Duration::milliseconds(200);
    config_.cluster_source.directory = path_ + "/cluster";
    config_.socket = path_ + "/node.sock";
    config_.state_file = path_ + "/pods.json";
    config_.admin.address.port = static_cast<std::uint16_t>(20000 + getpid() % 20000);
    control_plane_.set("web", example_cluster("web"));
    control_plane_.set("web", example_endpoints("web"));
    control_plane_.set("virtualOutbound", example_listener("virtualOutbound", "web"));
    control_plane_.set("virtualInbound", example_listener("virtualInbound", "web"));
  }
  void TearDown() override {
    agent_.reset();
    std::filesystem::remove_all(path_);
  }
  void write(const std::string& name, std::string_view text) {
    std::ofstream(path_ + "/new") << text;
    std::filesystem::rename(path_ + "/new", path_ + "/" + name);
  }
  void start() {
    agent_ = std::make_unique<Agent>();
    const auto started = agent_->start(config_, ports_, workers_, [this](const Publication& publication) {
      const std::lock_guard lock(mutex_);
      last_ = publication;
      published_.notify_all();
    });
    ASSERT_TRUE(started) << started.error();
    channel_ = grpc::CreateChannel("unix:" + config_.socket, grpc::InsecureChannelCredentials());
  }
  grpc::Status add(const std::string& name, const std::string& uid, const std::string& address) {
    node::AddPodRequest request;
    request.mutable_key()->set_container_id("c-" + name);
    request.mutable_key()->set_interface_name("eth0");
    request.set_netns("/run/netns/" + name);
    request.set_pod_namespace("samples");
    request.set_pod_name(name);
    request.set_pod_uid(uid);
    request.set_network("weft");
    request.add_addresses(address);
    grpc::ClientContext context;
    return node::PodService::NewStub(channel_)->AddPod(&context, request, &added_);
  }
  grpc::Status remove(const std::string& name) {
    node::DeletePodRequest request;
    request.mutable_key()->set_container_id("c-" + name);
    request.mutable_key()->set_interface_name("eth0");
    grpc::ClientContext context;
    node::DeletePodResponse response;
    return node::PodService::NewStub(channel_)->DeletePod(&context, request, &response);
  }
  grpc::Status query(const std::string& topic, std::map<std::string, std::string> arguments = {}) {
    node::QueryRequest request;
    request.set_topic(topic);
    request.mutable_arguments()->insert(arguments.begin(), arguments.end());
    grpc::ClientContext context;
    answer_.Clear();
    return node::OperatorService::NewStub(channel_)->Query(&context, request, &answer_);
  }
  bool eventually(const std::function<bool(const Publication&)>& test) {
    std::unique_lock lock(mutex_);
    return published_.wait_for(lock, std::chrono::seconds(15), [&] { return last_.node && test(last_); });
  }
  Publication last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  static bool is_ready(const Publication& p) { return p.node->pods.size() == 1 && p.node->pods[0].ready; }

  std::string path_;
  FakeControlPlane control_plane_;
  Bootstrap config_;
  NoPorts ports_;
  NoWorkers workers_;
  std::mutex mutex_;
  std::condition_variable published_;
  Publication last_;
  std::unique_ptr<Agent> agent_;
  std::shared_ptr<grpc::Channel> channel_;
  node::AddPodResponse added_;
  node::QueryResponse answer_;
};

TEST_F(AgentTest, AttachedPodIsKnownAtOnceAndServedOnceAllIsThere) {
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  EXPECT_EQ(added_.gateway_ipv4(), "169.254.1.1");
  ASSERT_EQ(last().node->pods.size(), 1u) << "published before AddPod returned";
  EXPECT_TRUE(last().node->pods[0].in_mesh);
  ASSERT_TRUE(eventually(is_ready)) << testing::PrintToString(last().node->pods[0].lacks);
  const Publication publication = last();
  EXPECT_EQ(publication.node->pods[0].identity.uri(), kSleep);
  EXPECT_NE(publication.node->pods[0].config, nullptr);
  EXPECT_EQ(publication.credentials->at(kSleep)->identity(), kSleep);
  const auto first = control_plane_.wait_for([](const auto& r) { return r.request.has_node(); });
  ASSERT_TRUE(first);
  EXPECT_EQ(first->peer_identity, kSleep) << "the pod's own certificate";
  EXPECT_EQ(first->request.node().id(), "sidecar~10.244.1.16~sleep.samples~samples.svc.cluster.local");
  const auto& metadata = first->request.node().metadata().fields();
  EXPECT_EQ(metadata.at("INSTANCE_IPS").string_value(), "10.244.1.16");
  EXPECT_EQ(metadata.at("LABELS").struct_value().fields().at("app").string_value(), "sleep");
}

TEST_F(AgentTest, PodWithoutObjectWaitsAndPodOutsideTheMeshIsRouted) {
  write("cluster/pods.yaml", pod_yaml("plain", "u-2", "plain", false));
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  EXPECT_FALSE(last().node->pods[0].ready);
  EXPECT_TRUE(last().node->pods[0].in_mesh) << "until we know better";
  EXPECT_EQ(last().node->pods[0].lacks, std::vector<std::string>{"Pod object"});
  ASSERT_TRUE(remove("sleep").ok());
  ASSERT_TRUE(add("plain", "u-2", "10.244.1.17").ok());
  EXPECT_TRUE(is_ready(last()));
  EXPECT_FALSE(last().node->pods[0].in_mesh);
  EXPECT_TRUE(control_plane_.orders().empty());
}

TEST_F(AgentTest, DeletedPodTakesItsCertificateAlongAndAnotherAccountInheritsNothing) {
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  ASSERT_TRUE(eventually(is_ready));
  const InterfaceId before = last().node->pods[0].interface;
  ASSERT_TRUE(remove("sleep").ok());
  EXPECT_TRUE(last().node->pods.empty());
  EXPECT_TRUE(last().credentials->empty());
  write("cluster/pods.yaml", pod_yaml("other", "u-3", "other", true));
  control_plane_.refuse("not yet");
  ASSERT_TRUE(add("other", "u-3", "10.244.1.16").ok());
  const mesh::PodSnapshot pod = last().node->pods.at(0);
  EXPECT_NE(pod.interface, before);
  EXPECT_FALSE(pod.ready);
  EXPECT_EQ(pod.config, nullptr);
  ASSERT_TRUE(eventually([](const Publication& p) {
    return p.node->pods.size() == 1 && !p.node->pods[0].lacks.empty() &&
           p.node->pods[0].lacks[0].find("CA: not yet") != std::string::npos;
  }));
}

TEST_F(AgentTest, KeepsServingWhileTheControlPlaneIsGoneAndResumes) {
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  ASSERT_TRUE(eventually(is_ready));
  const auto config = last().node->pods[0].config;
  control_plane_.stop();
  write("cluster/node.yaml", "kind: Node\nmetadata: {name: node-b}\n");
  EXPECT_TRUE(is_ready(last()));
  EXPECT_EQ(last().node->pods[0].config, config);
  control_plane_.forget_requests();
  control_plane_.start();
  const auto again = control_plane_.wait_for([](const auto& r) { return r.request.has_node(); });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->request.type_url(), kClusterUrl);
  EXPECT_TRUE(again->request.initial_resource_versions().contains("web"));
  EXPECT_TRUE(eventually(is_ready));
}

TEST_F(AgentTest, NacksByNameAndKeepsTheRest) {
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  ASSERT_TRUE(eventually(is_ready));
  control_plane_.set("10.0.0.1_80", bad_listener());
  const auto nack = control_plane_.wait_for([](const auto& r) { return r.request.has_error_detail(); });
  ASSERT_TRUE(nack);
  EXPECT_EQ(nack->request.type_url(), kListenerUrl);
  EXPECT_NE(nack->request.error_detail().message().find("10.0.0.1_80"), std::string::npos);
  EXPECT_TRUE(is_ready(last()));
}

TEST_F(AgentTest, RestartFindsItsPods) {
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  ASSERT_TRUE(eventually(is_ready));
  agent_.reset();
  control_plane_.stop();
  start();
  ASSERT_EQ(last().node->pods.size(), 1u);
  EXPECT_FALSE(last().node->pods[0].ready) << "no control plane, no configuration";
  control_plane_.start();
  EXPECT_TRUE(eventually(is_ready));
}

TEST_F(AgentTest, AnswersTheOperator) {
  start();
  ASSERT_TRUE(add("sleep", "u-1", "10.244.1.16").ok());
  ASSERT_TRUE(eventually(is_ready));
  const auto field = [this](const std::string& name) { return answer_.document().fields().at(name); };
  ASSERT_TRUE(query("status").ok());
  EXPECT_EQ(field("pods").struct_value().fields().at("ready").number_value(), 1);
  ASSERT_TRUE(query("pods", {{"pod", "sleep"}}).ok());
  EXPECT_TRUE(field("pods").list_value().values(0).struct_value().fields().at("ready").bool_value());
  ASSERT_TRUE(query("config", {{"pod", "sleep"}, {"type", "listeners"}}).ok());
  EXPECT_EQ(field("pods").list_value().values(0).struct_value().fields().at("listeners").list_value().values_size(), 2);
  ASSERT_TRUE(query("certs").ok());
  EXPECT_EQ(field("certificates").list_value().values(0).struct_value().fields().at("identity").string_value(), kSleep);
  ASSERT_TRUE(query("explain", {{"limit", "5"}}).ok());
  EXPECT_EQ(field("decisions").list_value().values(0).struct_value().fields().at("pod").string_value(), "sleep");
  ASSERT_TRUE(query("drops").ok());
  EXPECT_EQ(query("pods", {{"pod", "nobody"}}).error_message(), "no pod nobody is attached to this node");
  EXPECT_EQ(query("status", {{"x", "y"}}).error_message(), "topic status has no argument 'x'");
  EXPECT_EQ(query("nothing").error_message(),
            "unknown topic 'nothing'; topics are status, pods, connections, config, certs, explain, drops");
}

TEST_F(AgentTest, SocketIsRootsAloneAndHasOneServer) {
  start();
  struct stat info;
  ASSERT_EQ(stat(config_.socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  Agent second;
  Bootstrap other = config_;
  other.state_file += "2";
  const auto started = second.start(other, ports_, workers_, [](const Publication&) {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "socket " + config_.socket + ": another process serves it");
}

TEST_F(AgentTest, MissingDirectoryRefusesToStart) {
  config_.cluster_source.directory = path_ + "/nowhere";
  Agent agent;
  const auto started = agent.start(config_, ports_, workers_, [](const Publication&) {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), "cluster_source.directory " + path_ + "/nowhere: No such file or directory");
}

}  // namespace
}  // namespace weft::agent
