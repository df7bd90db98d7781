// The inside of the ADS server: its streams, the world they answer from, and the threads that serve them. Only
// ads_server.cc and ads_core.cc include this.
#pragma once

#include <grpcpp/support/status.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "controlplane/xds/ads_server.h"

namespace weft::controlplane {

class StreamTask {
 public:
  virtual ~StreamTask() = default;
  virtual void run() = 0;
};

class AdsServer::Core {
 public:
  using Clock = std::chrono::steady_clock;

  // A stream. Thread-safe.
  class Member : public StreamTask, public std::enable_shared_from_this<Member> {
   public:
    virtual void on_world(std::shared_ptr<const World> world, Clock::time_point changed) = 0;
    virtual void end(grpc::Status status) = 0;
    virtual StreamInfo info() = 0;
  };

  explicit Core(AdsOptions options);
  ~Core();

  void stop();
  void post(std::shared_ptr<StreamTask> task);
  Metrics& metrics() { return *options_.metrics; }
  const AdsOptions& options() const { return options_; }
  SessionEvents events();

  std::shared_ptr<const World> world() const;
  void publish(std::shared_ptr<const World> world, Clock::time_point changed);
  // The member takes part in every publish after the world that this returns.
  std::shared_ptr<const World> join(const std::shared_ptr<Member>& member);
  void leave(const std::shared_ptr<Member>& member);
  std::vector<std::shared_ptr<Member>> members() const;

 private:
  void work();

  AdsOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::shared_ptr<StreamTask>> queue_;
  std::unordered_set<std::shared_ptr<Member>> members_;
  std::shared_ptr<const World> world_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace weft::controlplane
