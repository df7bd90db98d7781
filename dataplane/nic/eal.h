// DPDK's environment, started once in a process.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace weft::nic {

struct EalOptions {
  std::string node{};                  // file prefix, unique on the machine: letters, digits, '-', '_', '.'
  std::vector<std::string> devices{};  // DPDK device arguments: "net_af_packet0,iface=wire0", "0000:03:10.0"
  bool huge_pages = false;           // false: ordinary memory (no device that does DMA works without huge pages)
  std::uint32_t memory_mb = 256;     // all of DPDK's memory when huge_pages is false; the least at start else
  int core = -1;                     // where DPDK's own control threads run; -1: wherever the caller runs
};

// Starts DPDK and probes the devices; its log lines go to our log as component "dpdk". Leaves the caller's CPU affinity
// as it was. Once in a process, from the main thread, before workers start. The error says what to change.
std::expected<void, std::string> start_eal(const EalOptions& options);
// After all ports and pools are gone.
void stop_eal();

// Each worker calls these in its own thread: DPDK gives it caches of its own, so that it takes and returns buffers
// without touching shared memory. A thread that does not may use the pools all the same, slower.
std::expected<void, std::string> register_thread();
void unregister_thread();

}  // namespace weft::nic
