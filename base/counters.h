// Counters that one thread writes and any thread reads, and drop counters by named reason.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace weft {

// A plain increment for its one writer; a reader in another thread sees a recent value, never a torn one.
class Counter {
 public:
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// One Counter for each value of an X-macro enum whose last enumerator is kCount.
template <typename Reason>
class ReasonCounters {
 public:
  static constexpr std::size_t kSize = static_cast<std::size_t>(Reason::kCount);

  void add(Reason reason, std::uint64_t n = 1) { counters_[index(reason)].add(n); }
  std::uint64_t value(Reason reason) const { return counters_[index(reason)].value(); }

 private:
  static constexpr std::size_t index(Reason reason) { return static_cast<std::size_t>(reason); }
  std::array<Counter, kSize> counters_;
};

}  // namespace weft

// WEFT_REASONS(Name, TABLE) makes `enum class Name` and `to_string(Name)` of a table `#define TABLE(X) X(kA, "a") ...`.
#define WEFT_REASON_ENUMERATOR(name, text) name,
#define WEFT_REASON_TEXT(name, text) text,
#define WEFT_REASONS(Name, TABLE)                                                        \
  enum class Name : std::uint8_t { TABLE(WEFT_REASON_ENUMERATOR) kCount };               \
  inline std::string_view to_string(Name reason) {                                       \
    static constexpr std::string_view kTexts[] = {TABLE(WEFT_REASON_TEXT) "unknown"};    \
    return kTexts[static_cast<std::size_t>(reason)];                                     \
  }
