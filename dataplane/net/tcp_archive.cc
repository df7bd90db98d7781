#include "dataplane/net/tcp_archive.h"

#include <algorithm>

#include "dataplane/net/tcp_types.h"

namespace weft::net {

std::string_view to_string(ThawProblem problem) {
  static constexpr std::string_view kTexts[] = {
#define WEFT_TEXT(name, text) text,
      WEFT_TCP_THAW_PROBLEMS(WEFT_TEXT)
#undef WEFT_TEXT
  };
  return kTexts[static_cast<std::size_t>(problem)];
}

std::string ThawError::to_string() const {
  std::string text(net::to_string(problem));
  if (!field.empty()) text.append(": ").append(field).append(", before byte ").append(std::to_string(offset));
  return text;
}

// ---- writing

void FrozenWriter::operator()(const char* name, const Endpoint& value) {
  (*this)(name, value.address.is_v6());
  out_.insert(out_.end(), value.address.data(), value.address.data() + value.address.size());
  (*this)(name, value.port);
}

// A list of writes: length, whether a write ends there, bytes. A chain that ends within a write ends its last one.
void FrozenWriter::chain(const char* name, const ByteChain& bytes) {
  (*this)(name, static_cast<std::uint32_t>(bytes.size()));
  FrozenConnection run;
  const auto put = [&](bool ends) {
    (*this)(name, static_cast<std::uint32_t>(run.size()));
    (*this)(name, ends);
    out_.insert(out_.end(), run.begin(), run.end());
    run.clear();
  };
  for (const Slice& slice : bytes) {
    run.insert(run.end(), slice.data(), slice.data() + slice.size());
    if (slice.ends_write()) put(true);
  }
  if (!run.empty()) put(false);
}

// ---- reading

ByteSpan FrozenReader::take(const char* name, std::size_t n) {
  if (!ok()) return {};
  if (n > left()) {
    fail(ThawProblem::kCutShort, name);
    return {};
  }
  const ByteSpan bytes = in_.subspan(at_, n);
  at_ += n;
  return bytes;
}

void FrozenReader::operator()(const char* name, bool& value) {
  std::uint8_t raw = 0;
  (*this)(name, raw);
  require(raw <= 1, name);
  value = raw == 1;
}

void FrozenReader::operator()(const char* name, Seq& value) {
  std::uint32_t raw = 0;
  (*this)(name, raw);
  value = Seq(raw);
}

void FrozenReader::operator()(const char* name, Duration& value) {
  std::uint64_t raw = 0;
  (*this)(name, raw);
  require(raw <= static_cast<std::uint64_t>(kFarthestDeadline.ns()), name);
  value = Duration::nanoseconds(ok() ? static_cast<std::int64_t>(raw) : 0);
}

void FrozenReader::operator()(const char* name, Endpoint& value) {
  bool v6 = false;
  (*this)(name, v6);
  const ByteSpan bytes = take(name, v6 ? 16 : 4);
  if (!bytes.empty()) value.address = v6 ? IpAddress::v6(bytes.data()) : IpAddress::v4(bytes.data());
  (*this)(name, value.port);
}

void FrozenReader::chain(const char* name, ByteChain& bytes) {
  std::uint32_t total = 0;
  (*this)(name, total);
  require(total <= left(), name);
  BufferPool& pool = total <= small_.buffer_capacity() ? small_ : payload_;
  Slice open;  // the buffer that is being filled
  while (ok() && bytes.size() < total) {
    std::uint32_t n = 0;
    bool ends = false;
    (*this)(name, n);
    (*this)(name, ends);
    require(n > 0 && n <= total - bytes.size(), name);
    ByteSpan run = take(name, n);
    while (ok() && !run.empty()) {
      if (!open || open.tailroom() == 0) open = Slice::allocate(pool, 0);
      if (!open) return fail(ThawProblem::kNoBuffers, name);
      const ByteSpan piece = run.first(std::min<std::size_t>(run.size(), open.tailroom()));
      open.append(piece);
      bytes.push_back(open.split_front(open.size()));
      run = run.subspan(piece.size());
    }
    if (ok() && ends) bytes.back().mark_end_of_write();
  }
}

void FrozenReader::fail(ThawProblem problem, const char* name) {
  if (ok()) error_ = {problem, name, static_cast<std::uint32_t>(at_)};
}

void FrozenReader::finish() {
  if (left() != 0) fail(ThawProblem::kTrailingBytes, "end");
}

}  // namespace weft::net
