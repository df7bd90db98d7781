#include "dataplane/nic/eal.h"

#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>

#include "base/log.h"
#include "dataplane/nic/last_error.h"

namespace weft::nic {

namespace {

// What DPDK complained of, the cause first; it goes on for a while after it.
std::string complaints;
constexpr std::size_t kComplaintsMax = 300;

// DPDK's informational lines are many and about itself: debug. A line may come in pieces; each ends one of ours.
ssize_t take_line(void*, const char* text, std::size_t size) {
  std::string_view line(text, size);
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.remove_suffix(1);
  if (line.empty()) return static_cast<ssize_t>(size);
  const int level = rte_log_cur_msg_loglevel();
  if (level <= static_cast<int>(RTE_LOG_ERR) && complaints.size() < kComplaintsMax)
    complaints.append(complaints.empty() ? "" : "; ").append(line);
  log(level <= static_cast<int>(RTE_LOG_WARNING) ? LogLevel::kWarning : LogLevel::kDebug, "dpdk", line);
  return static_cast<ssize_t>(size);
}

void redirect_log() {
  static FILE* stream = ::fopencookie(nullptr, "w", {nullptr, take_line, nullptr, nullptr});
  if (stream != nullptr) rte_openlog_stream(stream);
}

// "0000:03:10.0" and "03:10.0" are PCI addresses; all other devices have a driver's name first.
bool is_pci(const std::string& device) {
  return std::isxdigit(static_cast<unsigned char>(device[0])) != 0 &&
         device.substr(0, device.find(',')).find(':') != std::string::npos;
}

int first_core(const cpu_set_t& cores) {
  for (unsigned core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &cores)) return static_cast<int>(core);
  }
  return 0;
}

std::vector<std::string> arguments(const EalOptions& options, int core) {
  std::vector<std::string> args = {"weft", "--lcores=0@" + std::to_string(core), "--file-prefix=" + options.node,
                                   "--no-telemetry", "-m", std::to_string(options.memory_mb)};
  if (options.huge_pages) {
    // One file: virtio-user hands its memory to the peer as descriptors, at most eight of them.
    args.insert(args.end(), {"--in-memory", "--single-file-segments"});
  } else {
    // DPDK refuses --in-memory together with --no-huge; these two have the same effect: no files.
    args.insert(args.end(), {"--no-huge", "--no-shconf", "--iova-mode=va"});
  }
  if (std::ranges::none_of(options.devices, is_pci)) args.push_back("--no-pci");
  for (const std::string& device : options.devices) {
    args.push_back(is_pci(device) ? "-a" : "--vdev");
    args.push_back(device);
  }
  return args;
}

}  // namespace

std::string dpdk_error() {
  const std::string reason = rte_strerror(rte_errno);
  return complaints.empty() ? reason : reason + " (" + complaints + ")";
}

std::expected<void, std::string> start_eal(const EalOptions& options) {
  redirect_log();
  cpu_set_t cores;
  ::pthread_getaffinity_np(::pthread_self(), sizeof cores, &cores);
  std::vector<std::string> args = arguments(options, options.core >= 0 ? options.core : first_core(cores));
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  const int result = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  ::pthread_setaffinity_np(::pthread_self(), sizeof cores, &cores);
  if (result >= 0) return {};
  std::string message = "start DPDK: " + dpdk_error();
  if (options.huge_pages) message += "; are there free huge pages (/proc/meminfo)? else set memory.huge_pages: false";
  return std::unexpected(message);
}

void stop_eal() { rte_eal_cleanup(); }

std::expected<void, std::string> register_thread() {
  if (rte_thread_register() == 0) return {};
  return std::unexpected("register a worker with DPDK: " + dpdk_error());
}

void unregister_thread() { rte_thread_unregister(); }

}  // namespace weft::nic
