#include "dataplane/agent/xds_stream.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <deque>
#include <mutex>

#include "envoy/service/discovery/v3/ads.grpc.pb.h"

namespace weft::agent {

namespace discovery = envoy::service::discovery::v3;

// Owned by gRPC (until OnDone) and by the XdsStream (until its destructor); the last of the two deletes it.
class XdsStream::Reactor final : public grpc::ClientBidiReactor<DeltaRequest, DeltaResponse> {
 public:
  Reactor(const std::shared_ptr<grpc::Channel>& channel, Handlers handlers, InFlight& in_flight)
      : channel_(channel),
        stub_(discovery::AggregatedDiscoveryService::NewStub(channel)),
        handlers_(std::move(handlers)),
        in_flight_(in_flight) {}

  void start() {
    in_flight_.begin();
    stub_->async()->DeltaAggregatedResources(&context_, this);
    AddHold();  // for send() and next(), which come from outside gRPC's callbacks
    StartRead(&response_);
    StartCall();
  }

  void send(const DeltaRequest& request) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    queue_.push_back(request);
    if (queue_.size() == 1) StartWrite(&queue_.front());
  }

  void next() {
    const std::lock_guard lock(mutex_);
    if (!closed_) StartRead(&response_);
  }

  void cancel() {
    context_.TryCancel();
    close();
  }

  // True for the second of the two owners.
  bool let_go() {
    const std::lock_guard lock(mutex_);
    return ++released_ == 2;
  }

 private:
  void close() {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) return;
      closed_ = true;
    }
    RemoveHold();
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    if (!ok || closed_) return;  // a failed stream also fails its read
    queue_.pop_front();
    if (!queue_.empty()) StartWrite(&queue_.front());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return close();
    handlers_.received(std::make_shared<DeltaResponse>(std::move(response_)));
  }

  void OnDone(const grpc::Status& status) override {
    handlers_.ended(status.ok() ? "the control plane closed the stream"
                                : status.error_message() + " (code " + std::to_string(status.error_code()) + ")");
    InFlight& in_flight = in_flight_;
    if (let_go()) delete this;
    in_flight.end();
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<discovery::AggregatedDiscoveryService::Stub> stub_;
  Handlers handlers_;
  InFlight& in_flight_;
  grpc::ClientContext context_;
  DeltaResponse response_;
  std::mutex mutex_;
  std::deque<DeltaRequest> queue_;  // guarded by mutex_; the front one is being written
  bool closed_ = false;             // guarded by mutex_
  int released_ = 0;                // guarded by mutex_
};

std::unique_ptr<XdsStream> XdsStream::start(const std::shared_ptr<grpc::Channel>& channel, Handlers handlers,
                                            InFlight& in_flight) {
  auto* const reactor = new Reactor(channel, std::move(handlers), in_flight);
  reactor->start();
  return std::unique_ptr<XdsStream>(new XdsStream(reactor));
}

XdsStream::~XdsStream() {
  reactor_->cancel();
  if (reactor_->let_go()) delete reactor_;
}

void XdsStream::send(const DeltaRequest& request) { reactor_->send(request); }
void XdsStream::next() { reactor_->next(); }

}  // namespace weft::agent
