// ICMP errors about our segments: believed only as far as a blind attacker could not profit (RFC 5927).
#include <algorithm>

#include "dataplane/net/tcp_core.h"

namespace weft::net {

void TcpCore::on_icmp_error(const FlowKey& key, const IcmpError& error) {
  Connection* c = table.find(key).connection;
  const Seq quoted(error.sequence);
  // It must quote something in flight (RFC 5927, 4.1).
  if (c == nullptr || error.kind == IcmpErrorKind::kNone || quoted < c->snd_una || quoted >= c->snd_nxt) {
    ++stats.icmp_ignored;
    return;
  }
  switch (error.kind) {
    case IcmpErrorKind::kNone: return;
    case IcmpErrorKind::kSoft: c->unreachable = true; return;
    // Hard errors end only attempts (RFC 5927, 5.2): what is established has timers of its own.
    case IcmpErrorKind::kHard:
    case IcmpErrorKind::kPortClosed:
      c->unreachable = true;
      if (c->state != TcpState::kSynSent) return;
      return end(*c, error.kind == IcmpErrorKind::kHard ? CloseReason::kUnreachable : CloseReason::kRefused);
    case IcmpErrorKind::kPacketTooBig: break;
  }
  // An RFC 1191 router says the next MTU; below the family's minimum nobody may make us go.
  const std::uint32_t floor = key.local.address.is_v6() ? 1280 : 552;
  if (!lower_path_mtu(*c, std::max(error.mtu, floor))) return;
  ++stats.pmtu_lowered;
  if (!c->synchronized() || c->handshaking()) return;
  // Send again what was too big, at the same rate: this was no congestion (RFC 1191, 6.5).
  c->flight->board.mark_lost_if([](const Transmission&) { return true; });
  c->flight->undo.possible = false;
  c->flight->frto = Frto::kOff;
  begin_rto_recovery(*c);
  set_retransmit(*c);
  arm(*c);
  want_output(*c);
}

}  // namespace weft::net
