#include "dataplane/tls/handshake_executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "dataplane/tls/test_pair.h"

namespace weft::tls {
namespace {

// A worker that sleeps until it is woken.
struct Worker {
  std::mutex mutex;
  std::condition_variable wakes;
  bool woken = false;
  void wake() {
    std::lock_guard lock(mutex);
    woken = true;
    wakes.notify_one();
  }
  bool sleep() {
    std::unique_lock lock(mutex);
    const bool in_time = wakes.wait_for(lock, std::chrono::seconds(20), [this] { return woken; });
    woken = false;
    return in_time;
  }
};

TEST(HandshakePool, ManyHandshakesOnTwoThreads) {
  Worker worker;
  HandshakePool threads(2);
  const auto executor = threads.attach([&worker] { worker.wake(); });
  Pair pair;
  constexpr std::size_t kPairs = 24;
  std::vector<std::unique_ptr<Session>> sessions;  // client 2i, server 2i + 1
  for (std::size_t i = 0; i < kPairs; ++i) {
    sessions.push_back(Session::client(pair.client_credentials, {}, pair.context, pair.now));
    sessions.push_back(Session::server(pair.server_credentials, {}, pair.context, pair.now));
    sessions[2 * i]->seal(pair.bytes("pair " + std::to_string(i)));
  }
  const auto turn = [&] {
    std::size_t open = 0;
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      HandshakeJob job;
      if (sessions[i]->poll_handshake_job(&job)) {
        job.session = i;
        executor->submit(std::move(job));
      }
      sessions[i ^ 1]->on_ciphertext(sessions[i]->take_ciphertext());
      open += sessions[i]->is_open() && (i % 2 == 0 || sessions[i]->queued_plaintext() > 0) ? 1 : 0;
    }
    return open;
  };
  while (turn() < sessions.size()) {
    HandshakeResult result;
    bool any = false;
    while (executor->poll(&result)) {
      any = true;
      sessions[result.session]->on_handshake_result(std::move(result));
    }
    if (!any && turn() < sessions.size()) {
      ASSERT_TRUE(worker.sleep());
    }
  }
  for (std::size_t i = 0; i < kPairs; ++i) {
    EXPECT_EQ(text_of(sessions[2 * i + 1]->take_plaintext()), "pair " + std::to_string(i));
  }
}

TEST(HandshakePool, AFullQueueRefusesByName) {
  Pair pair;
  HandshakePool threads(1, 0);
  const auto executor = threads.attach({});
  pair.start();
  HandshakeJob job;
  ASSERT_TRUE(pair.client->poll_handshake_job(&job));
  executor->submit(std::move(job));
  HandshakeResult result;
  ASSERT_TRUE(executor->poll(&result));
  pair.client->on_handshake_result(std::move(result));
  EXPECT_EQ(pair.client->failure(), crypto::TlsFailure::kHandshakeOverload);
}

TEST(HandshakePool, AnExecutorMayGoBeforeItsJobs) {
  Pair pair;
  HandshakePool threads(1);
  std::atomic<int> late_wakes = 0;
  for (int i = 0; i < 20; ++i) {
    auto gone = std::make_shared<std::atomic<bool>>(false);
    auto executor = threads.attach([gone, &late_wakes] { late_wakes += gone->load() ? 1 : 0; });
    pair.start();
    HandshakeJob job;
    ASSERT_TRUE(pair.client->poll_handshake_job(&job));
    executor->submit(std::move(job));
    executor.reset();
    *gone = true;
  }
  EXPECT_EQ(late_wakes, 0);
}

}  // namespace
}  // namespace weft::tls
