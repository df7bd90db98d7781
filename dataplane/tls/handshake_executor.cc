#include "dataplane/tls/handshake_executor.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace weft::tls {

HandshakeResult run(HandshakeJob&& job) {
  HandshakeResult result;
  result.session = job.session;
  if (job.tickets) {
    job.handshake->take_tickets(job.input);
    job.handshake.reset();
    return result;
  }
  result.consumed = job.handshake->advance(job.input);
  result.output = job.handshake->take_output();
  result.handshake = std::move(job.handshake);
  return result;
}

void InlineHandshakeExecutor::submit(HandshakeJob&& job) { results_.push_back(run(std::move(job))); }

bool InlineHandshakeExecutor::poll(HandshakeResult* result) {
  if (results_.empty()) return false;
  *result = std::move(results_.front());
  results_.pop_front();
  return true;
}

namespace {

// Where one worker's results wait. Shared by the worker's end and the jobs on their way, so that an executor may go
// while its jobs still run.
struct Mailbox {
  std::mutex mutex;
  std::deque<HandshakeResult> results;
  std::function<void()> wake;
  std::atomic<bool> woken = false;  // the worker has not polled the queue empty since the last wake

  void put(HandshakeResult&& result) {
    std::lock_guard lock(mutex);
    results.push_back(std::move(result));
    if (!woken.exchange(true, std::memory_order_release) && wake) wake();
  }
  // Every turn asks, so that nothing is there is known without the lock.
  bool take(HandshakeResult* result) {
    if (!woken.load(std::memory_order_acquire)) return false;
    std::lock_guard lock(mutex);
    if (results.empty()) {
      woken.store(false, std::memory_order_relaxed);
      return false;
    }
    *result = std::move(results.front());
    results.pop_front();
    return true;
  }
  void close() {
    std::lock_guard lock(mutex);
    wake = nullptr;
  }
};

}  // namespace

struct HandshakePool::Shared {
  struct Queued {
    HandshakeJob job;
    std::shared_ptr<Mailbox> answer_to;
  };

  explicit Shared(std::size_t limit) : queue_limit(limit) {}
  bool put(Queued&& queued) {
    {
      std::lock_guard lock(mutex);
      if (queue.size() >= queue_limit) return false;
      queue.push_back(std::move(queued));
    }
    ready.notify_one();
    return true;
  }
  bool take(Queued* queued) {
    std::unique_lock lock(mutex);
    ready.wait(lock, [this] { return stopping || !queue.empty(); });
    if (stopping) return false;
    *queued = std::move(queue.front());
    queue.pop_front();
    return true;
  }
  void work() {
    Queued queued;
    while (take(&queued)) {
      queued.answer_to->put(run(std::move(queued.job)));
      queued.answer_to.reset();
    }
  }

  const std::size_t queue_limit;
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<Queued> queue;
  bool stopping = false;
  std::vector<std::thread> threads;
};

class HandshakePool::Executor final : public HandshakeExecutor {
 public:
  Executor(std::shared_ptr<Shared> shared, std::function<void()> wake) : shared_(std::move(shared)) {
    mailbox_->wake = std::move(wake);
  }
  ~Executor() override { mailbox_->close(); }

  void submit(HandshakeJob&& job) override {
    const std::uint64_t session = job.session;
    if (shared_->put({std::move(job), mailbox_})) return;
    HandshakeResult refused;
    refused.session = session;
    mailbox_->put(std::move(refused));
  }
  bool poll(HandshakeResult* result) override { return mailbox_->take(result); }

 private:
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
};

HandshakePool::HandshakePool(unsigned threads, std::size_t queue_limit)
    : shared_(std::make_shared<Shared>(queue_limit)) {
  for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
    shared_->threads.emplace_back([shared = shared_.get()] { shared->work(); });
  }
}

HandshakePool::~HandshakePool() {
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->ready.notify_all();
  for (std::thread& thread : shared_->threads) thread.join();
}

std::unique_ptr<HandshakeExecutor> HandshakePool::attach(std::function<void()> wake) {
  return std::make_unique<Executor>(shared_, std::move(wake));
}

}  // namespace weft::tls
