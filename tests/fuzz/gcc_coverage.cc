// Lets libFuzzer steer programs that GCC compiled: Debian 12's clang 14 cannot compile its libstdc++'s std::expected.
// Build with -fsanitize-coverage=trace-pc,trace-cmp and link clang's libclang_rt.fuzzer archive. GCC calls back at each
// basic block; the callbacks fill a counter table of the shape that libFuzzer reads (one byte a block, by hash).
#include <cstdint>

extern "C" void __sanitizer_cov_8bit_counters_init(std::uint8_t* begin, std::uint8_t* end);

namespace {

constexpr std::uint32_t kCounters = 1u << 16;
std::uint8_t counters[kCounters];

[[maybe_unused]] const bool registered = [] {
  __sanitizer_cov_8bit_counters_init(counters, counters + kCounters);
  return true;
}();

}  // namespace

extern "C" __attribute__((no_sanitize_coverage)) void __sanitizer_cov_trace_pc() {
  const auto pc = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
  ++counters[(pc * 0x9e3779b97f4a7c15u) >> 48];
}

// GCC reports comparisons of floating point too; libFuzzer has no use for them.
extern "C" void __sanitizer_cov_trace_cmpf(float, float) {}
extern "C" void __sanitizer_cov_trace_cmpd(double, double) {}
