#include "dataplane/worker/worker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <mutex>
#include <thread>

#include "tests/builders/shared_pool.h"

namespace weft::worker {
namespace {

// The outside of a device: frames of two bytes, {owner, number}.
class Wire {
 public:
  explicit Wire(SharedPool& pool) : pool_(pool), fd_(::eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE)) {}
  ~Wire() { ::close(fd_); }

  void inject(std::uint8_t owner, std::uint8_t number) {
    Packet packet;
    Slice slice = Slice::allocate(pool_, 64);
    *slice.append(1) = owner;
    *slice.append(1) = number;
    packet.bytes.push_back(std::move(slice));
    const std::lock_guard lock(mutex_);
    in_.push_back(std::move(packet));
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(fd_, &one, sizeof one), 8);
  }
  bool take(Packet* packet) {
    const std::lock_guard lock(mutex_);
    if (in_.empty()) return false;
    std::uint64_t one;
    EXPECT_EQ(::read(fd_, &one, sizeof one), 8);
    *packet = std::move(in_.front());
    in_.pop_front();
    return true;
  }
  std::atomic<int> out{0};

  int fd() const { return fd_; }

 private:
  SharedPool& pool_;
  int fd_;
  std::mutex mutex_;
  std::deque<Packet> in_;
};

// How a device behaves towards its worker: wakes it by fd; has a fd but is polled too; must be polled.
enum class Kind { kReadable, kPolledAndReadable, kBlind };

class WireLink final : public net::Link {
 public:
  WireLink(Wire& wire, Kind kind) : wire_(wire), kind_(kind) {
    capabilities_.polls_free = kind != Kind::kReadable;
  }
  unsigned receive(std::span<Packet> burst) override {
    unsigned count = 0;
    while (count < burst.size() && wire_.take(&burst[count])) ++count;
    return count;
  }
  unsigned transmit(std::span<Packet> burst) override {
    for (Packet& packet : burst) packet.bytes.clear();
    wire_.out += static_cast<int>(burst.size());
    return static_cast<unsigned>(burst.size());
  }
  int wait_fd() const override { return kind_ == Kind::kBlind ? -1 : wire_.fd(); }
  const net::LinkCapabilities& capabilities() const override { return capabilities_; }

 private:
  Wire& wire_;
  Kind kind_;
  net::LinkCapabilities capabilities_;
};

// Sends each frame back where it came from, from the worker that its first byte names. With `keeps`, the last frame's
// bytes stay shared with the engine, as TCP keeps them for retransmission.
class EchoEngine final : public Engine {
 public:
  explicit EchoEngine(unsigned index, bool keeps = false) : index_(index), keeps_(keeps) {}

  void receive(Time, std::span<Packet> frames) override {
    for (Packet& frame : frames) {
      const unsigned owner = *frame.bytes.front().data();
      (owner == index_ ? own_ : foreign_).push_back(std::move(frame));
    }
  }
  bool poll_handover(unsigned* worker, Packet* frame) override {
    if (foreign_.empty()) return false;
    *worker = *foreign_.front().bytes.front().data();
    return pop(foreign_, frame);
  }
  void receive_handover(Time, Packet&& frame) override { own_.push_back(std::move(frame)); }
  bool run(Time now) override {
    if (now < deadline_) return false;
    deadline_ = Time::never();
    return timer_fired = true;
  }
  bool poll_frame(Time, Packet* frame) override {
    if (!pop(own_, frame)) return false;
    if (keeps_) kept_ = frame->bytes.share(0, frame->bytes.size());
    return true;
  }
  Time deadline() const override { return deadline_; }

  Time deadline_ = Time::never();
  std::atomic<bool> timer_fired{false};

 private:
  static bool pop(std::deque<Packet>& queue, Packet* frame) {
    if (queue.empty()) return false;
    *frame = std::move(queue.front());
    queue.pop_front();
    return true;
  }
  const unsigned index_;
  const bool keeps_;
  std::deque<Packet> own_, foreign_;
  ByteChain kept_;
};

constexpr InterfaceId kUplink = 1;

// Two workers of which the first alone has the device's queue.
class TwoWorkers : public testing::TestWithParam<Kind> {
 protected:
  void start() {
    for (unsigned i = 0; i < 2; ++i) {
      engines_[i] = std::make_unique<EchoEngine>(i, true);
      workers_[i] = std::make_unique<Worker>(WorkerOptions{.index = i, .count = 2, .spin = Duration::microseconds(5),
                                                           .small_pool = &pool_},
                                             *engines_[i]);
    }
    const std::array<Worker*, 2> both{workers_[0].get(), workers_[1].get()};
    Worker::connect(both);
    workers_[0]->add_link(kUplink, std::make_unique<WireLink>(wire_, GetParam()));
    workers_[1]->add_remote_link(kUplink, 0);
    for (unsigned i = 0; i < 2; ++i) threads_[i] = std::thread(&Worker::run, workers_[i].get());
  }
  void stop() {
    for (auto& worker : workers_) worker->stop();
    for (auto& thread : threads_) thread.join();
  }
  // False: ten seconds passed and fewer came.
  bool wait_for(int frames) {
    for (int i = 0; i < 10'000 && wire_.out < frames; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return wire_.out == frames;
  }

  // False: ten seconds passed, and it has not slept more than `times`.
  bool sleeps_again(const Worker& worker, std::uint64_t times) {
    const auto sleeps = [&] { return worker.counters().sleeps.value(); };
    for (int i = 0; i < 10'000 && sleeps() <= times; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return sleeps() > times;
  }

  SharedPool pool_;
  Wire wire_{pool_};
  std::unique_ptr<EchoEngine> engines_[2];
  std::unique_ptr<Worker> workers_[2];
  std::thread threads_[2];
};

TEST_P(TwoWorkers, FramesOfEitherOwnerComeBack) {
  start();
  for (int i = 0; i < 2000; ++i) {
    wire_.inject(static_cast<std::uint8_t>(i % 2), static_cast<std::uint8_t>(i));
    // Pauses of all lengths, so that frames meet spinning, falling asleep and sleeping workers.
    if (i % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 100));
  }
  EXPECT_TRUE(wait_for(2000)) << wire_.out;
  stop();
  EXPECT_EQ(workers_[0]->counters().handed_over.value(), 1000u);
  EXPECT_EQ(workers_[1]->counters().forwarded.value(), 1000u);
  EXPECT_EQ(workers_[1]->counters().copied.value(), 1000u);
  for (auto& engine : engines_) engine.reset();
  EXPECT_EQ(pool_.outstanding(), 0u);
}

TEST_P(TwoWorkers, OneAtATimeAfterSleepWakesBoth) {
  start();
  std::uint64_t slept = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(sleeps_again(*workers_[1], slept));
    slept = workers_[1]->counters().sleeps.value();
    wire_.inject(1, static_cast<std::uint8_t>(i));
    ASSERT_TRUE(wait_for(i + 1));
  }
  stop();
}

TEST_P(TwoWorkers, TasksComeAndGoWithLinks) {
  start();
  std::atomic<bool> removed{false};
  workers_[0]->post([&](Time) {
    workers_[0]->remove_link(kUplink);
    removed = true;
  });
  while (!removed) std::this_thread::yield();
  wire_.inject(0, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(wire_.out, 0);
  workers_[0]->post([&](Time) { workers_[0]->add_link(kUplink, std::make_unique<WireLink>(wire_, GetParam())); });
  EXPECT_TRUE(wait_for(1));
  stop();
}

INSTANTIATE_TEST_SUITE_P(Links, TwoWorkers,
                         testing::Values(Kind::kReadable, Kind::kPolledAndReadable, Kind::kBlind));

TEST(Worker, TimerEndsSleep) {
  SharedPool pool;
  EchoEngine engine(0);
  engine.deadline_ = Worker::clock() + Duration::milliseconds(20);
  Worker worker({.small_pool = &pool}, engine);
  std::thread thread(&Worker::run, &worker);
  for (int i = 0; i < 1000 && !engine.timer_fired; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(engine.timer_fired);
  worker.stop();
  thread.join();
  EXPECT_LT(worker.counters().sleeps.value(), 10u);
}

TEST(Worker, FrameForAnUnknownInterfaceIsCounted) {
  SharedPool pool;
  EchoEngine engine(0);
  Worker worker({.small_pool = &pool}, engine);
  Packet frame;
  Slice slice = Slice::allocate(pool, 0);
  *slice.append(1) = 0;
  frame.bytes.push_back(std::move(slice));
  frame.interface = 77;
  engine.receive_handover(Time(), std::move(frame));
  EXPECT_TRUE(worker.turn(Time()));
  EXPECT_EQ(worker.counters().drops.value(WorkerDrop::kNoLink), 1u);
  EXPECT_EQ(pool.outstanding(), 0u);
}

}  // namespace
}  // namespace weft::worker
