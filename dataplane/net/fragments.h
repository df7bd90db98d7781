// Reassembly of IPv4 and IPv6 fragments (RFC 791, 8200 section 4.5). Overlap refuses the whole datagram (RFC 5722),
// for IPv4 too: nobody honest sends it, and it hides ports.
#pragma once

#include <array>
#include <expected>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "base/clock.h"
#include "dataplane/net/ip.h"

namespace weft::net {

struct FragmentLimits {
  std::uint32_t datagrams_max = 256;
  std::uint32_t bytes_max = 4u << 20;  // capacity of the buffers held
  Duration timeout = Duration::seconds(30);
};

// One worker's. Holds what it is given until the datagram is whole, refused or out of time.
class FragmentTable {
 public:
  static constexpr std::size_t kPiecesMax = 160;  // 64 KB in pieces of 424 bytes

  // `headers` outlives the table.
  FragmentTable(const FragmentLimits& limits, BufferPool& headers);

  struct Refusal {
    Drop reason;
    std::uint32_t packets;  // how many died: this one, and what was gathered before
  };
  // `datagram` starts at its IP header, which `ip` describes; ip.fragment is true. The answer: the whole datagram, with
  // its header as though it had never been cut; or nothing yet; or a refusal.
  std::expected<std::optional<Packet>, Refusal> add(Time now, const IpHeader& ip, Packet&& datagram);

  struct Expired {
    InterfaceId interface = kNoInterface;
    std::uint32_t packets = 0;
    IpHeader ip;                   // of the fragment that came first in time
    std::optional<Packet> first;   // the fragment at offset 0, if it came: RFC 792 wants it quoted
  };
  bool poll_expired(Time now, Expired* expired);
  Time deadline() const;
  std::size_t datagrams() const { return by_key_.size(); }

 private:
  struct Key {
    IpAddress source, destination;
    std::uint32_t identification;
    InterfaceId interface;
    std::uint8_t protocol;  // IPv4 only
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.source, k.destination, k.identification, k.interface, k.protocol);
    }
  };
  struct Piece {
    std::uint32_t offset, end;
    ByteChain payload;
  };
  struct Datagram {
    Key key;
    Time deadline;
    IpHeader ip;
    std::vector<Piece> pieces;      // by offset
    std::array<std::uint8_t, kIp6HeadersMax> header;  // of the fragment at offset 0
    std::uint32_t header_bytes = 0;                   // 0: it has not come
    std::uint32_t header_fragment = 0, header_named_at = 0;  // IPv6: where its fragment header lies
    std::uint32_t size = 0;         // of the payload; 0: the last piece has not come
    std::uint32_t bytes = 0;        // gathered
    std::size_t memory = 0;
    bool congested = false;         // a piece was marked CE, and so is the whole (RFC 3168, 5.3)
    bool refused = false;           // overlapped: swallow what still comes
  };

  Datagram* find_or_create(Time now, const Key& key, const IpHeader& ip);
  Drop check(const IpHeader& ip, const Packet& datagram) const;
  Drop insert(Datagram& datagram, const IpHeader& ip, Packet&& packet);
  Refusal refuse(Datagram& datagram, Drop reason);
  std::optional<Packet> assemble(Datagram& datagram);
  bool restore_header(const Datagram& datagram, ByteChain& payload);
  void erase(std::uint32_t index);

  FragmentLimits limits_;
  BufferPool& headers_;
  std::vector<Datagram> slots_;
  std::vector<std::uint32_t> free_;
  absl::flat_hash_map<Key, std::uint32_t> by_key_;
  absl::flat_hash_map<InterfaceId, std::uint32_t> per_interface_;
  std::size_t memory_ = 0;
};

// Which worker gathers the fragments of a datagram: only the first has ports, so the ports do not count.
unsigned fragment_owner(const IpHeader& ip, unsigned workers);

}  // namespace weft::net
