// weft-bulk: one TCP transfer, checked byte by byte, over the kernel's sockets or over the production stack.
//
//   weft-bulk receive LOCAL:PORT               prints "listening", then takes one connection
//   weft-bulk send LOCAL REMOTE:PORT --bytes N | --seconds S
//       --device NAME --next-hop MAC           over our stack, which shares that interface with the kernel
//
// The last line of output is one JSON object; times are seconds of the monotonic clock. Exit code 1: a byte was wrong,
// or the connection did not end orderly.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "tests/tools/bulk.h"
#include "tests/tools/tool_main.h"

namespace weft::tools {
namespace {

double seconds(Time t) { return static_cast<double>(t.ns()) / 1e9; }

void print_samples(const std::vector<BulkSample>& samples) {
  std::printf(", \"samples\": [");
  for (const BulkSample& sample : samples) {
    std::printf("%s[%.6f, %lu]", &sample == samples.data() ? "" : ", ", seconds(sample.at), sample.bytes);
  }
  std::printf("]");
}

void print(const BulkResult& result, bool with_samples) {
  std::printf("{\"bytes\": %lu, \"seconds\": %.6f, \"began\": %.6f, \"ended\": %.6f, \"retransmits\": %lu",
              result.bytes, seconds(result.ended) - seconds(result.began), seconds(result.began), seconds(result.ended),
              result.retransmits);
  std::printf(", \"error\": \"%s\", \"counters\": {%s}", result.error.c_str(),
              result.counters.empty() ? "" : result.counters.c_str() + 2);
  if (with_samples) print_samples(result.samples);
  std::puts("}");
}

Endpoint endpoint(const std::string& text) {
  const auto parsed = Endpoint::parse(text);
  if (!parsed || parsed->address.is_v6()) throw std::runtime_error("no IPv4 address and port: " + text);
  return *parsed;
}

int run(int argc, char** argv) {
  CLI::App app("One TCP transfer, checked byte by byte");
  BulkOptions options;
  std::string local, remote;
  double duration_s = 0;
  bool with_samples = false;
  app.require_subcommand(1);
  CLI::App* receive = app.add_subcommand("receive", "listens, takes one connection and checks what comes");
  receive->add_option("LOCAL", local, "address:port")->required();
  receive->add_flag("--samples", with_samples, "prints when how much had come");
  CLI::App* send = app.add_subcommand("send", "connects and sends");
  send->add_option("LOCAL", local, "address")->required();
  send->add_option("REMOTE", remote, "address:port")->required();
  send->add_option("--bytes", options.bytes);
  send->add_option("--seconds", duration_s, "of sending, instead")->check(CLI::NonNegativeNumber);
  for (CLI::App* either : {receive, send}) {
    either->add_option("--seed", options.seed, "of the pattern");
    either->add_option("--device", options.device, "our stack on this interface");
    either->add_option("--next-hop", options.next_hop, "MAC address behind it");
    either->add_option("--buffer", options.buffer, "most bytes of our stack's windows, each way");
  }
  CLI11_PARSE(app, argc, argv);
  options.sends = send->parsed();
  options.local = endpoint(options.sends ? local + ":0" : local);
  if (options.sends) options.remote = endpoint(remote);
  options.duration = Duration::nanoseconds(static_cast<std::int64_t>(duration_s * 1e9));
  if (duration_s > 0) options.bytes = UINT64_MAX;
  const BulkResult result = options.device.empty() ? transfer_by_kernel(options) : transfer_by_stack(options);
  print(result, with_samples);
  return result.error.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weft::tools

int main(int argc, char** argv) { return weft::tools::tool_main("weft-bulk", weft::tools::run, argc, argv); }
