#include "dataplane/agent/agent.h"

#include <sys/random.h>

#include <optional>

#include "base/get_server.h"
#include "base/log.h"
#include "dataplane/agent/admin_pages.h"
#include "dataplane/agent/ca_client.h"
#include "dataplane/agent/cluster_source.h"
#include "dataplane/agent/event_loop.h"
#include "dataplane/agent/node_metadata.h"
#include "dataplane/agent/node_server.h"
#include "dataplane/agent/node_snapshot.h"
#include "dataplane/agent/pod_registry.h"
#include "dataplane/agent/xds_client.h"

namespace weft::agent {
namespace {

// Changes that come within this time are published together.
constexpr Duration kCoalesce = Duration::milliseconds(5);

Random seeded() {
  std::uint64_t seed = 0;
  [[maybe_unused]] const ssize_t got = getrandom(&seed, sizeof seed, 0);
  return Random(seed);
}

constexpr mesh::XdsType kTypes[] = {mesh::XdsType::kCluster, mesh::XdsType::kEndpoints, mesh::XdsType::kListener};

}  // namespace

// Everything but start() and stop() runs on the loop's thread.
class Agent::Impl {
 public:
  Impl(const Bootstrap& config, PodPorts& ports, Introspection& introspection, Publish publish)
      : config_(config),
        introspection_(introspection),
        publish_(std::move(publish)),
        registry_({config.state_file, config.pods.mtu}, ports, [this] { refresh(); }),
        ca_(loop_, config.ca, config.mesh, seeded(), [this](const std::string&) { refresh_soon(); }),
        xds_(loop_, config.xds, seeded(), [this] { refresh_soon(); }) {}

  std::expected<void, std::string> start();
  void stop();

 private:
  std::expected<void, std::string> open_sources();
  std::expected<void, std::string> listen();
  GetResponse serve_page(std::string_view path);
  void refresh_soon();
  void refresh();
  std::vector<PodView> view_pods() const;
  void follow_identities(const std::vector<PodView>& views);
  void follow_streams(const std::vector<PodView>& views);
  ServedPod serve(const PodView& view);
  void publish(const std::vector<PodView>& views);
  AgentReport report();
  PodReport report_pod(const PodView& view);
  const NodeObject* own_node() const;

  const Bootstrap config_;
  Introspection& introspection_;
  const Publish publish_;
  const std::int64_t started_ = unix_now();
  EventLoop loop_;
  std::unique_ptr<ClusterDirectory> cluster_;
  PodRegistry registry_;
  CaClient ca_;
  XdsClient xds_;
  std::unique_ptr<NodeServer> node_server_;
  std::unique_ptr<GetServer> admin_;
  EventLoop::TimerId refresh_timer_ = 0;
  std::uint64_t version_ = 0;
};

std::expected<void, std::string> Agent::Impl::start() {
  loop_.start();
  if (auto opened = loop_.call([this] { return open_sources(); }); !opened) return opened;
  return listen();
}

std::expected<void, std::string> Agent::Impl::open_sources() {
  auto cluster = ClusterDirectory::open(config_.cluster_source.directory);
  if (!cluster) return std::unexpected(cluster.error());
  cluster_ = std::move(*cluster);
  loop_.watch(cluster_->fd(), [this] {
    if (cluster_->reload()) refresh();
  });
  return registry_.restore();
}

std::expected<void, std::string> Agent::Impl::listen() {
  auto server = NodeServer::listen(config_.socket, {loop_, registry_, introspection_, [this] { return report(); }});
  if (!server) return std::unexpected(server.error());
  node_server_ = std::move(*server);
  auto admin = GetServer::listen(config_.admin.address,
                                 [this](std::string_view path, std::string_view) { return serve_page(path); });
  if (!admin) return std::unexpected("admin.address: " + admin.error());
  admin_ = std::move(*admin);
  return {};
}

// Servers first: their handlers wait for the loop.
void Agent::Impl::stop() {
  admin_.reset();
  node_server_.reset();
  loop_.stop();
}

GetResponse Agent::Impl::serve_page(std::string_view path) {
  const AgentReport state = loop_.call([this] { return report(); });
  if (path == "/metrics" || path == "/stats/prometheus") {
    return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_page(state, introspection_)};
  }
  if (path == "/healthz/ready") {
    const std::string unready = unready_lines(state);
    return {unready.empty() ? 200 : 503, "text/plain; charset=utf-8", unready.empty() ? "ready\n" : unready};
  }
  return {404, "text/plain; charset=utf-8", "pages: /metrics, /healthz/ready\n"};
}

void Agent::Impl::refresh_soon() {
  if (refresh_timer_ != 0) return;
  refresh_timer_ = loop_.run_after(kCoalesce, [this] { refresh(); });
}

// Brings certificates and streams in line with the pods, then tells the workers.
void Agent::Impl::refresh() {
  loop_.cancel(refresh_timer_);
  refresh_timer_ = 0;
  const std::vector<PodView> views = view_pods();
  follow_identities(views);
  follow_streams(views);
  publish(views);
}

std::vector<PodView> Agent::Impl::view_pods() const {
  std::vector<PodView> out;
  for (const auto& [key, pod] : registry_.pods()) {
    out.push_back(view_pod(pod, cluster_->cluster(), config_.node, config_.mesh));
  }
  return out;
}

// One certificate a service account; it goes with the account's last pod.
void Agent::Impl::follow_identities(const std::vector<PodView>& views) {
  std::set<std::string> identities;
  for (const PodView& view : views) {
    if (!view.identity.empty()) identities.insert(view.identity);
  }
  ca_.want(identities);
  for (const std::string& identity : identities) {
    if (const auto* const pem = ca_.pem(identity)) xds_.set_credentials(identity, *pem);
  }
}

void Agent::Impl::follow_streams(const std::vector<PodView>& views) {
  std::map<InterfaceId, XdsPod> pods;
  for (const PodView& view : views) {
    if (view.identity.empty() || !view.lacks.empty() || ca_.pem(view.identity) == nullptr) continue;
    pods[view.attached.interface] = {view.identity, xds_node(view, config_, own_node())};
  }
  xds_.set_pods(pods);
}

const NodeObject* Agent::Impl::own_node() const {
  const auto it = cluster_->cluster().nodes.find(config_.node.name);
  return it == cluster_->cluster().nodes.end() ? nullptr : &it->second;
}

ServedPod Agent::Impl::serve(const PodView& view) {
  ServedPod out{view, view.lacks, nullptr};
  if (view.identity.empty()) return out;  // outside the mesh, or unknown yet
  if (std::string lacks = ca_.lacks(view.identity); !lacks.empty()) out.lacks.push_back(std::move(lacks));
  XdsSession* const session = xds_.session(view.attached.interface);
  if (session == nullptr) return out;
  out.config = session->build();
  if (session->ready()) return out;
  for (std::string& what : session->lacks()) out.lacks.push_back(std::move(what));
  const XdsStreamStatus& stream = *xds_.status(view.attached.interface);
  if (!stream.connected && !stream.last_error.empty()) out.lacks.push_back("xDS stream (" + stream.last_error + ")");
  return out;
}

void Agent::Impl::publish(const std::vector<PodView>& views) {
  std::vector<ServedPod> served;
  auto credentials = std::make_shared<CredentialsMap>();
  for (const PodView& view : views) {
    served.push_back(serve(view));
    if (auto held = ca_.credentials(view.identity)) credentials->insert_or_assign(view.identity, std::move(held));
  }
  auto node =
      std::make_shared<mesh::NodeSnapshot>(make_node_snapshot(++version_, config_, cluster_->cluster(), served));
  publish_({std::move(node), std::move(credentials)});
}

PodReport Agent::Impl::report_pod(const PodView& view) {
  PodReport out{serve(view), {}, {}};
  const InterfaceId id = view.attached.interface;
  const XdsSession* const session = xds_.session(id);
  if (session == nullptr) return out;
  out.stream = *xds_.status(id);
  for (const mesh::XdsType type : kTypes) out.types[type] = {session->status(type), session->resources(type)};
  return out;
}

AgentReport Agent::Impl::report() {
  const Cluster& cluster = cluster_->cluster();
  AgentReport out;
  out.node_name = config_.node.name;
  out.trust_domain = config_.mesh.trust_domain;
  out.xds_address = config_.xds.address;
  out.ca_address = config_.ca.address;
  out.started = started_;
  out.snapshot_version = version_;
  out.certificates = ca_.status();
  out.problems = cluster.problems;
  out.nodes = cluster.nodes.size();
  out.services = cluster.services.size();
  for (const PodView& view : view_pods()) {
    out.pods.push_back(report_pod(view));
    for (const std::string& problem : view.problems) {
      out.problems.push_back("Pod " + view.attached.name.first + "/" + view.attached.name.second + ": " + problem);
    }
  }
  return out;
}

Agent::Agent() = default;
Agent::~Agent() { stop(); }

std::expected<void, std::string> Agent::start(const Bootstrap& config, PodPorts& ports, Introspection& introspection,
                                              Publish publish) {
  impl_ = std::make_unique<Impl>(config, ports, introspection, std::move(publish));
  auto started = impl_->start();
  if (!started) stop();
  return started;
}

void Agent::stop() {
  if (!impl_) return;
  impl_->stop();
  impl_.reset();
}

}  // namespace weft::agent
