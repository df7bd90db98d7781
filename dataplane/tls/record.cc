#include "dataplane/tls/record.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <array>

#include "crypto/key_schedule.h"

namespace weft::tls {

using crypto::CipherSegment;
using crypto::TlsFailure;

namespace {

// A record ends early rather than have more pieces: the one-byte slices of a hostile sender stay cheap.
constexpr std::size_t kMaximumPieces = 64;
using Segments = absl::InlinedVector<CipherSegment, kMaximumPieces + 4>;

// Fresh buffers for the output of `slice`, which somebody else may still read. False: the pool is exhausted.
template <typename Pieces>
bool redirect(BufferPool& pool, const Slice& slice, std::uint32_t headroom, Segments& segments, Pieces& pieces) {
  for (std::uint32_t done = 0; done < slice.size();) {
    Slice fresh = Slice::allocate(pool, headroom);
    if (!fresh) return false;
    const std::uint32_t n = std::min(fresh.tailroom(), slice.size() - done);
    segments.push_back({slice.data() + done, fresh.append(n), n});
    pieces.push_back(std::move(fresh));
    done += n;
    headroom = 0;
  }
  return true;
}

}  // namespace

TrafficState::TrafficState(const crypto::DirectionState& state)
    : secret_(state.secret), key_(crypto::traffic_key(state.aead, state.secret)), sequence_(state.sequence) {}

TrafficState::~TrafficState() {
  // volatile: the last stores before the end of an object's life are otherwise no stores at all.
  for (volatile std::uint8_t& b : secret_.bytes) b = 0;
  for (volatile std::uint8_t& b : key_.key) b = 0;
}

crypto::Nonce TrafficState::next_nonce() { return crypto::record_nonce(key_.iv, sequence_++); }

void TrafficState::update(crypto::KeyScheduleCache& keys) {
  keys.forget(ticket_);
  secret_ = crypto::next_secret(secret_);
  key_ = crypto::traffic_key(key_.aead, secret_);
  sequence_ = 0;
}

// What becomes one record: pieces in order, their cipher segments, and the plaintext that must outlive the sealing.
struct RecordSealer::Record {
  absl::InlinedVector<Slice, kMaximumPieces + 4> pieces;
  Segments segments;
  absl::InlinedVector<Slice, 4> sources;  // shared slices that were sealed into fresh buffers
  std::uint32_t size = 0;
  bool may_prepend = false;  // the first piece's headroom is ours
  bool may_append = false;   // the last piece's tailroom is ours
  bool front_owned = false;  // of the plaintext's front slice, when a record boundary split it
  Slice glue;                // where headers and trailers go that find no room beside the payload
};

bool RecordSealer::gather(const SessionContext& context, ByteChain& plaintext, std::uint32_t limit, Record& record) {
  record.size = 0;
  record.pieces.clear();
  record.segments.clear();
  record.sources.clear();
  record.may_append = false;
  while (!plaintext.empty() && record.size < limit && record.pieces.size() < kMaximumPieces) {
    const bool whole = plaintext.front().size() <= limit - record.size;
    // A boundary between slices costs nothing; one inside a slice needs glue.
    if (!whole && record.size > 0 && record.size >= limit / 2) break;
    const bool remainder = record.front_owned;
    const bool owned = remainder || plaintext.front().exclusive();
    const std::size_t n = std::min<std::size_t>(plaintext.front().size(), limit - record.size);
    Slice piece = plaintext.take_front(n).pop_front();
    record.front_owned = owned && !whole;
    record.size += piece.size();
    const bool first = record.pieces.empty();
    if (owned) {
      if (first) record.may_prepend = !remainder;
      record.may_append = whole;
      record.segments.push_back({piece.data(), piece.data(), piece.size()});
      record.pieces.push_back(std::move(piece));
      continue;
    }
    if (!redirect(context.pool, piece, first ? kRecordHeader : 0, record.segments, record.pieces)) return false;
    if (first) record.may_prepend = true;
    record.may_append = true;
    record.sources.push_back(std::move(piece));
  }
  return true;
}

namespace {

// n bytes of glue as a slice of their own. Windows of one buffer, never overlapping.
Slice take_glue(BufferPool& pool, Slice& glue, std::uint32_t n) {
  if (!glue || glue.tailroom() < n) glue = Slice::allocate(pool, 0);
  if (!glue || glue.tailroom() < n) return {};
  glue.append(n);
  Slice window = glue.clone();
  window.trim_front(window.size() - n);
  return window;
}

void write_header(std::uint8_t* p, std::uint32_t size) {
  p[0] = static_cast<std::uint8_t>(ContentType::kApplicationData);
  store_be16(p + 1, 0x0303);
  store_be16(p + 3, static_cast<std::uint16_t>(size));
}

}  // namespace

bool RecordSealer::finish(const SessionContext& context, ContentType type, Record& record, ByteChain* out) {
  std::uint8_t* trailer = nullptr;
  if (record.may_append && record.pieces.back().tailroom() >= kRecordTrailer) {
    trailer = record.pieces.back().append(kRecordTrailer);
    CipherSegment& last = record.segments.back();
    if (last.in == last.out) {
      ++last.size;  // the content type lies right behind the payload: often that makes one segment in all
    } else {
      record.segments.push_back({trailer, trailer, 1});
    }
  } else {
    Slice glue = take_glue(context.pool, record.glue, kRecordTrailer);
    if (!glue) return false;
    trailer = glue.data();
    record.segments.push_back({trailer, trailer, 1});
    record.pieces.push_back(std::move(glue));
  }
  *trailer = static_cast<std::uint8_t>(type);

  std::array<std::uint8_t, kRecordHeader> header;
  write_header(header.data(), record.size + kRecordTrailer);
  crypto::KeySchedule& schedule = traffic_.schedule(context.keys);
  traffic_.cipher(context.keys).seal(schedule, traffic_.next_nonce(), header, record.segments, trailer + 1);

  if (record.may_prepend && record.pieces.front().headroom() >= kRecordHeader) {
    std::copy(header.begin(), header.end(), record.pieces.front().prepend(kRecordHeader));
  } else {
    Slice glue = take_glue(context.pool, record.glue, kRecordHeader);
    if (!glue) return false;
    std::copy(header.begin(), header.end(), glue.data());
    out->push_back(std::move(glue));
  }
  for (Slice& piece : record.pieces) out->push_back(std::move(piece));
  return true;
}

bool RecordSealer::seal(const SessionContext& context, ContentType type, ByteChain&& plaintext,
                        std::uint32_t record_size, ByteChain* out) {
  ByteChain rest = std::move(plaintext);
  Record record;
  while (!rest.empty()) {
    if (!gather(context, rest, record_size, record) || !finish(context, type, record, out)) return false;
  }
  return true;
}

bool RecordSealer::seal(const SessionContext& context, ContentType type, ByteSpan message, ByteChain* out) {
  ByteChain copy = ByteChain::copy_of(message, context.pool, kRecordHeader);
  return copy.size() == message.size() && seal(context, type, std::move(copy), kMaximumPlaintext, out);
}

struct RecordOpener::Body {
  absl::InlinedVector<Slice, kMaximumPieces> pieces;
  absl::InlinedVector<Slice, 4> sources;
  Segments segments;
  std::uint32_t size = 0;
};

void RecordOpener::consume(std::uint32_t n) {
  if (!received_.empty() && n >= received_.front().size()) front_owned_ = false;
  received_.drop_front(n);
}

// Section 5.2. legacy_record_version is ignored, as it says.
std::expected<std::uint32_t, TlsFailure> RecordOpener::body_size(std::uint8_t* header) const {
  received_.copy_to(0, {header, kRecordHeader});
  if (header[0] < 20 || header[0] > 23) return std::unexpected(TlsFailure::kMalformedRecord);
  // All is protected now: a bare alert or a late change_cipher_spec comes from nobody who has the keys.
  if (header[0] != static_cast<std::uint8_t>(ContentType::kApplicationData)) {
    return std::unexpected(TlsFailure::kUnexpectedMessage);
  }
  const std::uint32_t size = load_be16(header + 3);
  if (size > kMaximumPlaintext + 256) return std::unexpected(TlsFailure::kRecordOverflow);
  if (size < kRecordTrailer) return std::unexpected(TlsFailure::kBadRecordMac);
  return size;
}

bool RecordOpener::take_body(const SessionContext& context, std::uint32_t size, Body& body) {
  body.size = size;
  while (size > 0) {
    const bool owned = front_owned_ || received_.front().exclusive();
    const std::uint32_t n = std::min(received_.front().size(), size);
    front_owned_ = owned && n < received_.front().size();
    Slice piece = received_.take_front(n).pop_front();
    size -= n;
    if (owned) {
      body.segments.push_back({piece.data(), piece.data(), piece.size()});
      body.pieces.push_back(std::move(piece));
      continue;
    }
    if (!redirect(context.pool, piece, 0, body.segments, body.pieces)) return false;
    body.sources.push_back(std::move(piece));
  }
  return true;
}

std::expected<bool, TlsFailure> RecordOpener::next(const SessionContext& context, OpenedRecord* record) {
  if (received_.size() < kRecordHeader) return false;
  std::array<std::uint8_t, kRecordHeader> header;
  const auto size = body_size(header.data());
  if (!size) return std::unexpected(size.error());
  if (received_.size() < kRecordHeader + *size) return false;
  if (traffic_.exhausted()) return std::unexpected(TlsFailure::kSequenceExhausted);

  std::array<std::uint8_t, crypto::kAeadTagSize> tag;
  const std::uint32_t text_size = *size - crypto::kAeadTagSize;
  received_.copy_to(kRecordHeader + text_size, tag);
  consume(kRecordHeader);
  Body body;
  if (!take_body(context, text_size, body)) return std::unexpected(TlsFailure::kNoMemory);
  consume(crypto::kAeadTagSize);
  crypto::KeySchedule& schedule = traffic_.schedule(context.keys);
  if (!traffic_.cipher(context.keys).open(schedule, traffic_.next_nonce(), header, body.segments, tag.data())) {
    return std::unexpected(TlsFailure::kBadRecordMac);
  }

  // Section 5.4: zeros at the end are padding, the last other byte is the content type.
  std::uint32_t kept = text_size;
  while (!body.pieces.empty()) {
    Slice& last = body.pieces.back();
    const std::uint8_t* p = last.data();
    std::uint32_t n = last.size();
    while (n > 0 && p[n - 1] == 0) --n;
    kept -= last.size() - n;
    if (n > 0) {
      record->type = static_cast<ContentType>(p[n - 1]);
      last.trim_back(last.size() - (n - 1));
      --kept;
      break;
    }
    body.pieces.pop_back();
  }
  if (body.pieces.empty()) return std::unexpected(TlsFailure::kUnexpectedMessage);
  if (text_size > kMaximumPlaintext + 1) return std::unexpected(TlsFailure::kRecordOverflow);
  record->content.clear();
  for (Slice& piece : body.pieces) record->content.push_back(std::move(piece));
  return true;
}

}  // namespace weft::tls
