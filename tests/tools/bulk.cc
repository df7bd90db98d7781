#include "tests/tools/bulk.h"

#include <algorithm>
#include <chrono>

namespace weft::tools {

namespace {

constexpr Duration kSampleInterval = Duration::milliseconds(100);

}  // namespace

Time read_clock() {
  return Time::from_ns(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

// A byte of the hash of its place: a piece that is missing, twice or elsewhere does not fit.
std::uint8_t BulkPattern::at(std::uint64_t offset) const {
  return static_cast<std::uint8_t>((seed_ + offset) * 0x9e3779b97f4a7c15u >> 40);
}

void BulkPattern::fill(std::uint64_t offset, MutableByteSpan to) const {
  for (std::uint8_t& byte : to) byte = at(offset++);
}

std::size_t BulkPattern::first_wrong(std::uint64_t offset, ByteSpan bytes) const {
  const auto wrong = std::ranges::find_if(bytes, [&](std::uint8_t byte) { return byte != at(offset++); });
  return static_cast<std::size_t>(wrong - bytes.begin());
}

bool BulkSource::is_done(Time now) const {
  return sent_ == options_.bytes || (options_.duration.ns() != 0 && now - begun_ >= options_.duration);
}

ByteSpan BulkSource::next() {
  if (sent_ == block_end_) {
    block_begin_ = sent_;
    block_end_ = std::min<std::uint64_t>(sent_ + kBlock, options_.bytes);
    pattern_.fill(block_begin_, MutableByteSpan(block_).first(block_end_ - block_begin_));
  }
  return ByteSpan(block_).subspan(sent_ - block_begin_, block_end_ - sent_);
}

bool BulkSink::on_received(Time now, ByteSpan bytes, BulkResult* result) {
  const std::size_t right = pattern_.first_wrong(result->bytes, bytes);
  result->bytes += right;
  if (right != bytes.size()) {
    result->error = "byte " + std::to_string(result->bytes) + " is wrong";
    return false;
  }
  std::vector<BulkSample>& samples = result->samples;
  if (samples.empty() || now - samples.back().at >= kSampleInterval) samples.push_back({now, result->bytes});
  return true;
}

}  // namespace weft::tools
