#include "dataplane/worker_group.h"

#include <pthread.h>
#include <sys/random.h>

#include <chrono>
#include <future>

#include "base/log.h"
#include "dataplane/nic/eal.h"

namespace weft::dataplane {

namespace {

class ProxyApplication final : public worker::Application {
 public:
  explicit ProxyApplication(proxy::Proxy& proxy) : proxy_(proxy) {}
  bool run(Time now) override { return proxy_.run(now); }
  Time deadline() const override { return proxy_.deadline(); }

 private:
  proxy::Proxy& proxy_;
};

std::uint64_t seed_from_kernel() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) log_error("worker", "the kernel gives no random seed");
  return seed;
}

std::int64_t wall_clock_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string_view forced_cipher(agent::RecordCipher cipher) {
  switch (cipher) {
    case agent::RecordCipher::kAuto: return "";
    case agent::RecordCipher::kIpsecMb: return "ipsec-mb";
    case agent::RecordCipher::kOpenssl: return "openssl";
  }
  return "";
}

// What connections may hold of all buffers. Half are left to frames on their way and to device queues: with
// less than a quarter left the ports begin to drop (nic::Scarcity).
std::uint64_t held_at_most(const agent::Bootstrap& config) {
  const std::uint64_t small = std::uint64_t{config.memory.buffers} * nic::kSmallCapacity;
  const std::uint64_t large = std::uint64_t{config.memory.large_buffers} * nic::kLargeCapacity;
  return (small + large) / 2;
}

net::EcnMode ecn_mode(agent::Ecn ecn) {
  switch (ecn) {
    case agent::Ecn::kOff: return net::EcnMode::kOff;
    case agent::Ecn::kWhenAsked: return net::EcnMode::kWhenAsked;
    case agent::Ecn::kAlways: return net::EcnMode::kAlways;
  }
  return net::EcnMode::kOff;
}

net::TcpOptions tcp_options(const agent::Bootstrap& config) {
  net::TcpOptions options;
  options.receive_buffer_max = config.tcp.receive_buffer;
  options.receive_buffer_initial = std::min(options.receive_buffer_initial, config.tcp.receive_buffer);
  options.send_buffer_max = config.tcp.send_buffer;
  options.account_limit = config.pods.memory_limit;
  options.memory_limit = held_at_most(config) / config.workers.count;
  options.syn_queue_per_pod = config.tcp.syn_queue_per_pod;
  options.syn_cookies = config.tcp.syn_cookies;
  options.congestion = config.tcp.congestion == agent::Congestion::kCubic ? net::CongestionAlgorithm::kCubic
                                                                      : net::CongestionAlgorithm::kNewReno;
  options.ecn = ecn_mode(config.tcp.ecn);
  options.user_timeout = config.tcp.user_timeout;
  options.time_wait = config.tcp.time_wait;
  options.keepalive_idle = config.tcp.keepalive_idle;
  options.keepalive_interval = config.tcp.keepalive_interval;
  options.keepalive_probes = config.tcp.keepalive_probes;
  return options;
}

worker::WorkerOptions worker_options(unsigned index, const agent::Bootstrap& config, nic::MbufPool& small,
                                     nic::MbufPool& large) {
  worker::WorkerOptions options;
  options.index = index;
  options.count = config.workers.count;
  if (!config.workers.cores.empty()) options.core = static_cast<int>(config.workers.cores[index]);
  options.poll = config.workers.poll == agent::PollMode::kBusy ? worker::PollMode::kBusy : worker::PollMode::kAdaptive;
  options.spin = config.workers.spin;
  options.small_pool = &small;
  options.large_pool = &large;
  options.thread_start = [] {
    if (auto registered = nic::register_thread(); !registered) log_warning("worker", registered.error());
  };
  options.thread_stop = nic::unregister_thread;
  return options;
}

}  // namespace

WorkerGroup::WorkerGroup(const agent::Bootstrap& config, nic::MbufPool& small, nic::MbufPool& large,
                         nic::MbufPool& headers)
    : small_(small), large_(large), headers_(headers),
      ciphers_(crypto::choose_ciphers(forced_cipher(config.tls.record_cipher))),
      handshake_pool_(config.tls.handshake_threads) {
  for (unsigned i = 0; i < config.workers.count; ++i) units_.push_back(make_unit(i, config));
  const std::vector<worker::Worker*> all = workers();
  worker::Worker::connect(all);
}

std::unique_ptr<WorkerUnit> WorkerGroup::make_unit(unsigned index, const agent::Bootstrap& config) {
  auto unit = std::make_unique<WorkerUnit>();
  net::StackOptions stack;
  stack.worker = index;
  stack.workers = config.workers.count;
  stack.seed = seed_from_kernel();
  stack.tcp = tcp_options(config);
  stack.headers = &headers_;
  unit->stack = std::make_unique<net::Stack>(stack);
  unit->keys = std::make_unique<crypto::KeyScheduleCache>(ciphers_, config.tls.key_schedules);
  unit->handshakes = handshake_pool_.attach([raw = unit.get()] { raw->worker->wake(); });
  proxy::ProxyOptions options;
  options.worker = index;
  options.workers = config.workers.count;
  options.ready_timeout = config.pods.ready_timeout;
  options.handshake_timeout = config.tls.handshake_timeout;
  options.session_tickets = config.tls.session_tickets;
  options.unix_ms = wall_clock_ms;
  unit->proxy = std::make_unique<proxy::Proxy>(options, *unit->stack, tls::SessionContext{small_, *unit->keys},
                                               *unit->handshakes, clusters_, Random(seed_from_kernel()));
  unit->application = std::make_unique<ProxyApplication>(*unit->proxy);
  unit->engine = std::make_unique<worker::StackEngine>(*unit->stack, *unit->application);
  unit->worker = std::make_unique<worker::Worker>(worker_options(index, config, small_, large_), *unit->engine);
  return unit;
}

WorkerGroup::~WorkerGroup() { stop(); }

std::vector<worker::Worker*> WorkerGroup::workers() const {
  std::vector<worker::Worker*> all;
  for (const auto& unit : units_) all.push_back(unit->worker.get());
  return all;
}

void WorkerGroup::start() {
  running_ = true;
  for (const auto& unit : units_) {
    unit->thread = std::jthread([worker = unit->worker.get()] {
      ::pthread_setname_np(::pthread_self(), ("worker-" + std::to_string(worker->index())).c_str());
      worker->run();
    });
  }
}

void WorkerGroup::stop() {
  if (!std::exchange(running_, false)) return;
  for (const auto& unit : units_) unit->worker->stop();
  for (const auto& unit : units_) unit->thread.join();
}

void WorkerGroup::publish(std::shared_ptr<const net::Network> network, std::shared_ptr<const proxy::NodeView> view) {
  for (const auto& unit : units_) {
    unit->worker->post([raw = unit.get(), network, view](Time now) mutable {
      raw->stack->set_network(std::move(network));
      raw->proxy->publish(now, std::move(view));
    });
  }
}

bool WorkerGroup::ask(const std::function<void(WorkerUnit& unit, Time now)>& ask) {
  for (const auto& unit : units_) {
    auto answered = std::make_shared<std::promise<void>>();
    auto future = answered->get_future();
    // `ask` may be gone if we give up waiting: the task then finds the flag and does nothing.
    auto state = std::make_shared<std::pair<std::mutex, bool>>();
    unit->worker->post([raw = unit.get(), &ask, answered, state](Time now) {
      const std::lock_guard lock(state->first);
      if (!state->second) ask(*raw, now);
      answered->set_value();
    });
    if (future.wait_for(std::chrono::seconds(2)) != std::future_status::ready) {
      const std::lock_guard lock(state->first);
      state->second = true;
      return false;
    }
  }
  return true;
}

}  // namespace weft::dataplane
