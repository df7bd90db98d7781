// weft-dataplane: the node appliance. Reads its configuration, opens devices, starts workers and the agent, and waits.
#include <CLI/CLI.hpp>
#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>

#include "base/log.h"
#include "dataplane/agent/agent.h"
#include "dataplane/agent/bootstrap.h"
#include "dataplane/devices.h"
#include "dataplane/introspection.h"
#include "dataplane/network_spec.h"
#include "dataplane/nic/eal.h"
#include "dataplane/nic/host_port.h"
#include "dataplane/worker_group.h"

namespace weft::dataplane {

namespace {

constexpr int kExitConfiguration = 2;  // nothing was started
constexpr int kExitFailure = 1;

void to_spdlog(LogLevel level, std::string_view component, std::string_view message) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  spdlog::default_logger_raw()->log(kLevels[static_cast<int>(level)], "{}\t{}", component, message);
}

// A JSON line per event needs its strings escaped; spdlog's patterns do not.
void to_json_lines(LogLevel level, std::string_view component, std::string_view message) {
  std::string escaped;
  for (const char c : message) {
    if (c == '"' || c == '\\') escaped += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      escaped += code;
    } else {
      escaped += c;
    }
  }
  spdlog::default_logger_raw()->log(spdlog::level::info, R"("level":"{}","scope":"{}","msg":"{}"}})", to_string(level),
                                    component, escaped);
}

// Workers must not wait for a terminal: lines go through a queue, and the oldest are dropped when it is full.
void start_logging(const agent::LogOptions& options) {
  spdlog::init_thread_pool(8192, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::async_logger>("weft", sink, spdlog::thread_pool(),
                                                       spdlog::async_overflow_policy::overrun_oldest);
  const bool json = options.format == agent::LogFormat::kJson;
  logger->set_level(spdlog::level::debug);
  logger->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ",%v)" : "%Y-%m-%dT%H:%M:%S.%fZ\t%l\t%v",
                      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(logger);
  spdlog::flush_every(std::chrono::seconds(1));
  set_log_level(options.level);
  set_log_sink(json ? to_json_lines : to_spdlog);
}

struct Arguments {
  std::string config = "/etc/weft/dataplane.yaml";
  bool check = false;
};

// Turns the agent's snapshots into what workers take, and hands it to them.
void publish(const agent::Bootstrap& config, Devices& devices, WorkerGroup& workers,
             const agent::Publication& publication) {
  const mesh::NodeSnapshot& node = *publication.node;
  std::vector<IpAddress> uplink_addresses;
  for (const IpPrefix& own : config.uplink.addresses) uplink_addresses.push_back(own.address);
  if (uplink_addresses.empty()) uplink_addresses = node.node_addresses;
  auto network = net::Network::compile(
      make_network_spec(node, devices.interfaces(uplink_addresses), config.host.probes));
  if (!network) {
    log_error("node", "this version of the node's network is not served, the one before stays: " + network.error());
    return;
  }
  std::vector<IpPrefix> local;
  for (const mesh::PodSnapshot& pod : node.pods) {
    for (const IpAddress& address : pod.addresses) local.push_back({address, address.bits()});
  }
  devices.set_host_routes(uplink_addresses, local);
  workers.publish(std::move(*network), std::make_shared<const proxy::NodeView>(
                                           publication.node, publication.credentials));
}

// Blocks SIGINT and SIGTERM in this thread and all it starts, and waits for one of them.
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  void wait() {
    int number = 0;
    sigwait(&set_, &number);
    log_info("node", std::string("stopping: ") + strsignal(number));
  }

 private:
  sigset_t set_;
};

int fail(const std::string& what) {
  log_error("node", what);
  return kExitFailure;
}

int serve(const agent::Bootstrap& config, StopSignal& stop) {
  nic::EalOptions eal;
  eal.node = config.node.name;
  eal.devices = {config.uplink.device};
  eal.huge_pages = config.memory.huge_pages;
  eal.memory_mb = static_cast<std::uint32_t>(config.memory.dpdk_bytes >> 20);
  if (const std::string interface = kernel_interface_of(config.uplink.device); !interface.empty()) {
    if (auto quiet = nic::quiet_interface(interface); !quiet) return fail("uplink " + interface + ": " + quiet.error());
  }
  if (auto started = nic::start_eal(eal); !started) return fail(started.error());
  auto small = nic::MbufPool::create("small", config.memory.buffers, nic::kSmallCapacity);
  if (!small) return fail("memory.buffers: " + small.error());
  // Headers have buffers of their own: payload that fills the pool could otherwise not be sent, and so never leave it.
  auto headers = nic::MbufPool::create("headers", config.memory.buffers / 4, nic::kSmallCapacity);
  if (!headers) return fail("memory.buffers: " + headers.error());
  auto large = nic::MbufPool::create("large", config.memory.large_buffers, nic::kLargeCapacity);
  if (!large) return fail("memory.large_buffers: " + large.error());
  auto devices = Devices::open(config, **small, **large);
  if (!devices) return fail(devices.error());
  WorkerGroup workers(config, **small, **large, **headers);
  (*devices)->attach(workers.workers());
  NodeIntrospection introspection(workers, **devices, **small, **large);
  log_info("node", "record cipher: " + workers.ciphers().describe());
  workers.start();
  agent::Agent agent;
  const auto started = agent.start(config, **devices, introspection, [&](const agent::Publication& publication) {
    publish(config, **devices, workers, publication);
  });
  if (!started) return fail(started.error());
  log_info("node", "serving node " + config.node.name);
  stop.wait();
  agent.stop();
  workers.stop();
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{"The Weft node appliance: the service mesh of every pod of one Kubernetes node, in one process."};
  Arguments arguments;
  app.add_option("-c,--config", arguments.config, "configuration file")->capture_default_str();
  app.add_flag("--check", arguments.check, "read the configuration, say what is wrong with it, and end");
  app.set_version_flag("--version", std::string("weft-dataplane ") + WEFT_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitConfiguration;
  }
  const auto config = agent::load_bootstrap(arguments.config);
  if (!config) {
    std::cerr << config.error() << "\n";
    return kExitConfiguration;
  }
  if (arguments.check) return 0;
  StopSignal stop;
  start_logging(config->log);
  const int code = serve(*config, stop);
  spdlog::shutdown();
  return code;
}

}  // namespace

}  // namespace weft::dataplane

int main(int argc, char** argv) { return weft::dataplane::run(argc, argv); }
