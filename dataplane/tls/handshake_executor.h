// Where handshakes run: threads beside the workers, or inline in tests.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "crypto/handshake.h"

namespace weft::tls {

// One step of a handshake: the object, and whole records for it; or tickets for one that is done, which ends with them.
// Owns everything it holds; crosses threads.
struct HandshakeJob {
  std::uint64_t session = 0;  // the submitter's own name for the session; comes back in the result
  std::unique_ptr<crypto::Handshake> handshake;
  std::vector<std::uint8_t> input;
  bool tickets = false;
};

struct HandshakeResult {
  std::uint64_t session = 0;
  std::unique_ptr<crypto::Handshake> handshake;  // nullptr: refused (overload), or tickets
  std::size_t consumed = 0;                      // bytes of the job's input
  std::vector<std::uint8_t> output;              // for the peer
};

// One worker's end. Used by that worker only.
class HandshakeExecutor {
 public:
  virtual ~HandshakeExecutor() = default;
  virtual void submit(HandshakeJob&& job) = 0;
  // Results of this worker's jobs, in any order. A result whose session is gone is simply dropped.
  virtual bool poll(HandshakeResult* result) = 0;
};

// Runs a job within submit(): tests, fuzzers, simulations.
class InlineHandshakeExecutor final : public HandshakeExecutor {
 public:
  void submit(HandshakeJob&& job) override;
  bool poll(HandshakeResult* result) override;

 private:
  std::deque<HandshakeResult> results_;
};

// The real one: `threads` handshake threads, shared by all workers.
class HandshakePool {
 public:
  // `queue_limit`: jobs waiting for a thread, all workers together; beyond it a job comes back refused.
  explicit HandshakePool(unsigned threads, std::size_t queue_limit = 4096);
  ~HandshakePool();  // REQUIRES: every executor that attach() gave is gone
  HandshakePool(const HandshakePool&) = delete;
  HandshakePool& operator=(const HandshakePool&) = delete;

  // A worker's end. `wake` is called on a handshake thread after a result was queued, once until the worker polls the
  // queue empty; it must be thread-safe and must not block (write to an eventfd).
  std::unique_ptr<HandshakeExecutor> attach(std::function<void()> wake);

 private:
  struct Shared;
  class Executor;
  std::shared_ptr<Shared> shared_;
};

// What a handshake thread does with one job.
HandshakeResult run(HandshakeJob&& job);

}  // namespace weft::tls
