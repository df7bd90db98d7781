#include "dataplane/agent/xds_client.h"

#include "base/log.h"
#include "dataplane/agent/control_channel.h"
#include "dataplane/agent/xds_stream.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace weft::agent {

struct XdsClient::Account {
  crypto::CredentialsPem pem;
  std::string roots;                       // with which `channel` was made
  std::shared_ptr<grpc::Channel> channel;  // null: to be made by the next stream
};

struct XdsClient::Pod {
  Pod(XdsPod description, XdsCaches& caches, const XdsOptions& options)
      : pod(std::move(description)), session(caches), backoff(options.backoff_min, options.backoff_max) {}

  XdsPod pod;
  XdsSession session;
  XdsStreamStatus status;
  Backoff backoff;
  std::unique_ptr<XdsStream> stream;
  std::uint64_t number = 0;  // of the stream, so that callbacks of an earlier one are told apart
  EventLoop::TimerId next = 0;
};

XdsClient::XdsClient(EventLoop& loop, const XdsOptions& options, Random random, std::function<void()> changed)
    : loop_(loop), options_(options), random_(random), changed_(std::move(changed)) {}

XdsClient::~XdsClient() {
  *alive_ = false;
  pods_.clear();
  in_flight_.wait();
}

void XdsClient::set_credentials(const std::string& identity, const crypto::CredentialsPem& pem) {
  Account& account = accounts_[identity];
  if (account.pem.certificate_chain == pem.certificate_chain) return;
  account.pem = pem;
  account.channel.reset();
}

void XdsClient::set_pods(const std::map<InterfaceId, XdsPod>& pods) {
  std::erase_if(pods_, [&](auto& item) {
    const auto wanted = pods.find(item.first);
    if (wanted != pods.end() && wanted->second.identity == item.second->pod.identity) return false;
    loop_.cancel(item.second->next);
    return true;
  });
  std::erase_if(accounts_, [&](const auto& item) {
    for (const auto& [id, pod] : pods) {
      if (pod.identity == item.first) return false;
    }
    return true;
  });
  for (const auto& [id, wanted] : pods) {
    auto& pod = pods_[id];
    if (!pod) {
      pod = std::make_unique<Pod>(wanted, caches_, options_);
      start(id, *pod);
    } else if (pod->pod != wanted) {
      pod->pod = wanted;
      disconnect(*pod);
      start(id, *pod);
    }
  }
}

// The account's channel, made anew when its certificate or the root file changed.
std::shared_ptr<grpc::Channel> XdsClient::channel_of(const std::string& identity, std::string& why) {
  const auto roots = read_file(options_.root_ca);
  if (!roots) {
    why = "xds.root_ca " + roots.error();
    return nullptr;
  }
  Account& account = accounts_[identity];
  if (account.channel && account.roots == *roots) return account.channel;
  account.roots = *roots;
  account.channel = make_control_channel({.address = options_.address,
                                          .roots = *roots,
                                          .server_name = options_.server_name,
                                          .private_key = account.pem.private_key,
                                          .certificate_chain = account.pem.certificate_chain,
                                          .keepalive = options_.keepalive,
                                          .reconnect = options_.backoff_min});
  return account.channel;
}

void XdsClient::start(InterfaceId id, Pod& pod) {
  loop_.cancel(pod.next);
  pod.next = 0;
  std::string why;
  const auto channel = channel_of(pod.pod.identity, why);
  if (!channel) return retry(id, pod, why);
  pod.number = ++last_stream_;
  ++pod.status.connects;
  // From threads of gRPC; by the time the loop runs it, client, pod or stream may be gone.
  const auto later = [this, alive = alive_, loop = &loop_](auto work) {
    loop->post([alive, work = std::move(work)] {
      if (*alive) work();
    });
  };
  XdsStream::Handlers handlers{
      .received =
          [this, id, number = pod.number, later](const std::shared_ptr<DeltaResponse>& response) {
            later([this, id, number, response] { received(id, number, *response); });
          },
      .ended =
          [this, id, number = pod.number, later](std::string reason) {
            later([this, id, number, reason = std::move(reason)] { ended(id, number, reason); });
          }};
  pod.stream = XdsStream::start(channel, std::move(handlers), in_flight_);
  for (const DeltaRequest& request : pod.session.open(pod.pod.node)) pod.stream->send(request);
}

void XdsClient::disconnect(Pod& pod) {
  pod.stream.reset();
  pod.number = 0;
  if (pod.status.connected) pod.status.since = unix_now();
  pod.status.connected = false;
}

void XdsClient::retry(InterfaceId id, Pod& pod, const std::string& why) {
  if (pod.status.last_error != why || pod.status.connected)
    log_warning("xds", "pod port " + std::to_string(id) + ": " + why);
  disconnect(pod);
  pod.status.last_error = why;
  pod.next = loop_.run_after(pod.backoff.next(random_), [this, id] { start(id, *pods_.at(id)); });
  changed_();
}

void XdsClient::received(InterfaceId id, std::uint64_t stream, const DeltaResponse& response) {
  const auto it = pods_.find(id);
  if (it == pods_.end() || it->second->number != stream) return;
  Pod& pod = *it->second;
  if (!pod.status.connected) {
    pod.status = {.connected = true, .since = unix_now(), .last_error = {}, .connects = pod.status.connects};
    pod.backoff.reset();
  }
  for (const DeltaRequest& request : pod.session.receive(response)) pod.stream->send(request);
  pod.stream->next();
  changed_();
}

void XdsClient::ended(InterfaceId id, std::uint64_t stream, const std::string& why) {
  const auto it = pods_.find(id);
  if (it == pods_.end() || it->second->number != stream) return;
  retry(id, *it->second, why);
}

XdsSession* XdsClient::session(InterfaceId pod) {
  const auto it = pods_.find(pod);
  return it == pods_.end() ? nullptr : &it->second->session;
}

const XdsStreamStatus* XdsClient::status(InterfaceId pod) const {
  const auto it = pods_.find(pod);
  return it == pods_.end() ? nullptr : &it->second->status;
}

}  // namespace weft::agent
