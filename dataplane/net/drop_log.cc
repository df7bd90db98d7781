#include "dataplane/net/drop_log.h"

#include <algorithm>

namespace weft::net {

namespace {

constexpr std::array<std::string_view, kDropReasons> kWords = {
#define X(id, word, sentence) word,
    WEFT_NET_DROPS(X)
#undef X
};

constexpr std::array<std::string_view, kDropReasons> kSentences = {
#define X(id, word, sentence) sentence,
    WEFT_NET_DROPS(X)
#undef X
};

}  // namespace

std::string_view to_string(Drop reason) {
  return reason < Drop::kCount ? kWords[static_cast<std::size_t>(reason)] : "none";
}

std::string_view sentence_of(Drop reason) {
  return reason < Drop::kCount ? kSentences[static_cast<std::size_t>(reason)] : "";
}

void DropLog::add(const DropRecord& record) {
  ++counters_[static_cast<std::size_t>(record.reason)];
  // What was read and is done is counted, but says nothing to who looks for lost packets.
  const bool consumed = record.reason == Drop::kNeighborConsumed || record.reason == Drop::kIcmpConsumed;
  if (!consumed) ring_[added_++ % kKept] = record;
}

std::vector<DropRecord> DropLog::recent() const {
  std::vector<DropRecord> records;
  const std::uint64_t kept = std::min<std::uint64_t>(added_, kKept);
  for (std::uint64_t i = added_ - kept; i < added_; ++i) records.push_back(ring_[i % kKept]);
  return records;
}

}  // namespace weft::net
