// `perf/run tcp`: what TCP costs, stage by stage.
//
// Two engines in memory, warm. Not in the figures: devices, the copy that stands for DMA, and, but where a row
// says so, IP, checksums and segmentation in software, which the IP layer does (perf_packet).
#include <chrono>

#include "perf/report.h"
#include "perf/tcp_bench.h"
#include "perf/tcp_many.h"
#include "perf/tcp_stack.h"

namespace {

using namespace weft::perf;

constexpr int kRounds = 3000;

double cycles_per_us() {
  const auto begin = std::chrono::steady_clock::now();
  Stopwatch watch;
  watch.run([&] {
    while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(50)) {}
  });
  const std::chrono::duration<double, std::micro> taken = std::chrono::steady_clock::now() - begin;
  return watch.take() / taken.count();
}

void report_segments(Report& report) {
  TcpBench bench(false);
  const auto ids = bench.open(16);
  bench.warm_up(ids, 16 * kSegment);
  DataCycles cycles;
  for (int i = 0; i < kRounds; ++i) bench.transfer(ids, 2 * kSegment, cycles);
  report.title("segments of 1448 bytes, 16 connections, 2 each", "cycles");
  report.row("send(), a write of 2 segments", "send", cycles.send.median());
  report.row("segment out", "segment_out", cycles.out.median());
  report.row("segment in", "segment_in", cycles.in.median());
  report.row("event and receive(), of 2 segments", "read", cycles.read.median());
  report.row("pure ACK out", "ack_out", cycles.ack_out.median());
  report.row("pure ACK in, of 2 segments", "ack_in", cycles.ack_in.median());
  report.row("all of these, both ends, for a segment", "segment_everything", cycles.everything.median());
}

void report_bulk(Report& report, bool super_segments) {
  TcpBench bench(super_segments);
  const auto ids = bench.open(1);
  const std::size_t bytes = super_segments ? kSuperSegment : 32 * kSegment;
  bench.warm_up(ids, 4 * bytes);
  DataCycles cycles;
  for (int i = 0; i < kRounds; ++i) bench.transfer(ids, bytes, cycles);
  const std::string key = super_segments ? "super_" : "bulk_";
  report.title(super_segments ? "super-segments of 65160 bytes, one connection" : "32 segments at once, one connection",
               "cycles");
  report.row(super_segments ? "super-segment out" : "segment out", key + "out", cycles.out.median());
  report.row(super_segments ? "super-segment in" : "segment in", key + "in", cycles.in.median());
  report.row("all stages of both ends, for a wire segment", key + "everything", cycles.everything.median());
}

void report_exchange(Report& report) {
  TcpBench bench(true);
  const auto ids = bench.open(16);
  ExchangeCycles cycles;
  for (int i = 0; i < kRounds; ++i) bench.exchange(ids, 100, cycles);
  report.title("request and answer of 100 bytes, which are copied, 16 connections", "cycles");
  report.row("small segment out", "small_out", cycles.out.median());
  report.row("small segment in", "small_in", cycles.in.median());
  report.row("an exchange, both ends, owners' calls included", "exchange", cycles.everything.median());
}

void report_recovery(Report& report) {
  TcpBench bench(false);
  RecoveryCycles cycles;
  for (int i = 0; i < 500; ++i) bench.recover(24, cycles);
  report.title("24 segments, the first of which is lost", "cycles");
  report.row("segment behind the hole in", "hole_in", cycles.in.median());
  report.row("ACK with SACK out", "sack_out", cycles.sack_out.median());
  report.row("ACK with SACK in", "sack_in", cycles.sack_in.median());
  report.row("retransmission out", "retransmit_out", cycles.retransmit.median());
  report.row("segment that fills the hole in", "fill_in", cycles.fill.median());
}

void report_life(Report& report) {
  TcpBench bench(true);
  LifeCycles cycles;
  for (int i = 0; i < 5; ++i) bench.live(400, cycles);
  report.title("a connection's life, the end that opens and closes, and the other", "cycles");
  report.row("set up, active", "open_active", cycles.open_a.median());
  report.row("set up, passive", "open_passive", cycles.open_b.median());
  report.row("torn down, active, into TIME-WAIT", "close_active", cycles.close_a.median());
  report.row("torn down, passive", "close_passive", cycles.close_b.median());
  report.row("TIME-WAIT entry expires", "time_wait_expire", cycles.expire.median());
}

}  // namespace

int main() {
  Report report;
  report.title("time stamp counter", "MHz");
  report.row("cycles in a microsecond", "cycles_per_us", cycles_per_us());
  report_segments(report);
  report_bulk(report, false);
  report_bulk(report, true);
  report_exchange(report);
  report_recovery(report);
  report_life(report);
  report_stack(report);
  report_many(report);
  report_timers(report);
  report_idle(report);
  report.print_json();
}
