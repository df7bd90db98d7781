#include "controlplane/xds/ads_server.h"

#include <envoy/service/discovery/v3/ads.grpc.pb.h>

#include <mutex>

#include "base/log.h"
#include "controlplane/xds/ads_core.h"

namespace weft::controlplane {
namespace {

using Clock = std::chrono::steady_clock;
namespace discovery = envoy::service::discovery::v3;

grpc::StatusCode to_grpc(StreamErrorCode code) {
  switch (code) {
    case StreamErrorCode::kInvalidArgument: return grpc::StatusCode::INVALID_ARGUMENT;
    case StreamErrorCode::kPermissionDenied: return grpc::StatusCode::PERMISSION_DENIED;
  }
  return grpc::StatusCode::INTERNAL;
}

// A stream may speak only for pods of its own account.
std::optional<StreamError> check_proxy(const std::optional<Caller>& caller, const Proxy& proxy) {
  if (!caller) return std::nullopt;
  const bool same_account = proxy.service_account.empty() || proxy.service_account == caller->service_account;
  if (proxy.name_space == caller->name_space && same_account) return std::nullopt;
  const std::string claimed = proxy.name_space + "/" + proxy.service_account;
  return StreamError{StreamErrorCode::kPermissionDenied,
                     "the caller is " + caller->account() + " and may not speak for " + claimed};
}

using Core = AdsServer::Core;

// One stream. gRPC's callbacks only note what happened; run() acts on it, on one thread at a time, so that the session
// needs no lock. One read and one write are under way at most: a client that does not read gets one response, and the
// changes meanwhile merge in its session.
template <typename SessionType>
class AdsStream final : public grpc::ServerBidiReactor<typename SessionType::Request, typename SessionType::Response>,
                        public Core::Member {
 public:
  static AdsStream* start(const std::shared_ptr<Core>& core, std::optional<Caller> caller) {
    auto stream = std::shared_ptr<AdsStream>(new AdsStream(core));
    stream->self_ = stream;
    const auto check = [caller = std::move(caller)](const Proxy& proxy) { return check_proxy(caller, proxy); };
    stream->session_.emplace(core->join(stream), check, core->events());
    stream->StartRead(&stream->request_);
    core->post(stream);  // the first turn; until now nothing else could run it
    return stream.get();
  }

  void on_world(std::shared_ptr<const World> world, Clock::time_point changed) override {
    {
      const std::lock_guard lock(mutex_);
      if (!next_world_) changed_ = changed;  // the oldest change that this stream still owes
      next_world_ = std::move(world);
    }
    schedule();
  }

  void end(grpc::Status status) override {
    {
      const std::lock_guard lock(mutex_);
      if (!end_) end_ = std::move(status);
    }
    schedule();
  }

  AdsServer::StreamInfo info() override {
    const std::lock_guard lock(mutex_);
    return info_;
  }

  void OnReadDone(bool ok) override {
    if (!ok) return end(grpc::Status::OK);  // the client has closed its side
    {
      const std::lock_guard lock(mutex_);
      has_request_ = true;
    }
    schedule();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return end(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection is lost"));
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
    }
    schedule();
  }
  void OnCancel() override { end(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled")); }
  void OnDone() override {
    core_->leave(self_);
    const std::shared_ptr<AdsStream> last = std::move(self_);
  }

  void run() override {
    Turn turn;
    while (!finished_ && next_turn(&turn)) {
      if (turn.end) return finish(*turn.end);
      if (turn.world) {
        session_->on_world(std::move(turn.world));
        owed_since_ = turn.changed;
      }
      if (turn.request && !take_request()) return;
      if (turn.may_write) write_next();
      note_status();
    }
  }

 private:
  explicit AdsStream(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  struct Turn {
    std::optional<grpc::Status> end;
    std::shared_ptr<const World> world;
    Clock::time_point changed;
    bool request = false;
    bool may_write = false;
  };

  void schedule() {
    {
      const std::lock_guard lock(mutex_);
      pending_ = true;
      if (scheduled_) return;
      scheduled_ = true;
    }
    core_->post(this->shared_from_this());
  }

  // False: nothing has happened since the last turn; the next event schedules anew.
  bool next_turn(Turn* turn) {
    const std::lock_guard lock(mutex_);
    if (!pending_) {
      scheduled_ = false;
      return false;
    }
    pending_ = false;
    *turn = Turn{end_, std::move(next_world_), changed_, has_request_, !writing_};
    next_world_ = nullptr;
    has_request_ = false;
    return true;
  }

  bool take_request() {
    if (auto error = session_->on_request(request_)) {
      core_->metrics().add(Metric::kStreamRefusals, 1, "status=\"" + std::to_string(to_grpc(error->code)) + "\"");
      log_warning("xds", "stream refused: " + error->message);
      finish(grpc::Status(to_grpc(error->code), error->message));
      return false;
    }
    this->StartRead(&request_);
    return true;
  }

  void write_next() {
    if (!session_->poll_response(&response_)) return;
    note_status();
    if (owed_since_) {
      const std::chrono::duration<double> since = Clock::now() - *owed_since_;
      core_->metrics().observe(Metric::kConvergence, since.count());
      owed_since_.reset();
    }
    {
      const std::lock_guard lock(mutex_);
      writing_ = true;
    }
    this->StartWrite(&response_);
  }

  void note_status() {
    AdsServer::StreamInfo info;
    if (session_->proxy()) info.proxy = session_->proxy()->id;
    info.world = session_->world_version();
    for (std::size_t i = 0; i < kXdsTypeCount; ++i) info.types[i] = session_->status(static_cast<XdsType>(i));
    const std::lock_guard lock(mutex_);
    info_ = std::move(info);
  }

  void finish(const grpc::Status& status) {
    finished_ = true;
    this->Finish(status);
  }

  std::shared_ptr<Core> core_;
  // run()'s own.
  std::optional<SessionType> session_;
  typename SessionType::Request request_;
  typename SessionType::Response response_;
  std::optional<Clock::time_point> owed_since_;
  bool finished_ = false;

  std::mutex mutex_;
  std::shared_ptr<AdsStream> self_;  // until gRPC is done with us
  std::shared_ptr<const World> next_world_;
  Clock::time_point changed_;
  std::optional<grpc::Status> end_;
  AdsServer::StreamInfo info_;
  bool has_request_ = false;
  bool writing_ = false;
  bool pending_ = false;
  bool scheduled_ = true;  // by start()
};

// A stream that is refused before it has begun.
template <typename Request, typename Response>
class RefusedStream final : public grpc::ServerBidiReactor<Request, Response> {
 public:
  explicit RefusedStream(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

using AdsService = discovery::AggregatedDiscoveryService;
using CallbackBase = AdsService::WithCallbackMethod_StreamAggregatedResources<
    AdsService::WithCallbackMethod_DeltaAggregatedResources<AdsService::Service>>;

class ServiceImpl final : public CallbackBase {
 public:
  explicit ServiceImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  grpc::ServerBidiReactor<discovery::DeltaDiscoveryRequest, discovery::DeltaDiscoveryResponse>*
  DeltaAggregatedResources(grpc::CallbackServerContext* context) override {
    return open<DeltaSession>(*context);
  }
  grpc::ServerBidiReactor<discovery::DiscoveryRequest, discovery::DiscoveryResponse>* StreamAggregatedResources(
      grpc::CallbackServerContext* context) override {
    return open<SotwSession>(*context);
  }

 private:
  template <typename SessionType>
  grpc::ServerBidiReactor<typename SessionType::Request, typename SessionType::Response>* open(
      const grpc::CallbackServerContext& context) {
    using Refused = RefusedStream<typename SessionType::Request, typename SessionType::Response>;
    if (!core_->world()) {
      return new Refused({grpc::StatusCode::UNAVAILABLE, "the configuration is not complete yet"});
    }
    auto caller = core_->options().authenticate(context);
    if (!caller) {
      core_->metrics().add(Metric::kStreamRefusals, 1, "status=\"16\"");
      log_warning("xds", "stream of " + context.peer() + " refused: " + caller.error());
      return new Refused({grpc::StatusCode::UNAUTHENTICATED, caller.error()});
    }
    return AdsStream<SessionType>::start(core_, std::move(*caller));
  }

  std::shared_ptr<Core> core_;
};

}  // namespace

AdsServer::AdsServer(AdsOptions options)
    : core_(std::make_shared<Core>(std::move(options))), service_(std::make_unique<ServiceImpl>(core_)) {}

AdsServer::~AdsServer() { core_->stop(); }

grpc::Service* AdsServer::service() { return service_.get(); }

void AdsServer::publish(std::shared_ptr<const World> world, Clock::time_point changed) {
  core_->publish(std::move(world), changed);
}

void AdsServer::end_streams() {
  for (const auto& member : core_->members()) {
    member->end(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the control plane is shutting down"));
  }
}

std::vector<AdsServer::StreamInfo> AdsServer::streams() const {
  std::vector<StreamInfo> out;
  for (const auto& member : core_->members()) out.push_back(member->info());
  return out;
}

}  // namespace weft::controlplane
