// TCP_INFO: what the engine says of a connection, in the words of <linux/tcp.h>. Bytes become segments, rounded up.
#include <linux/tcp.h>

#include <algorithm>
#include <cstring>

#include "tests/conformance/socket_layer.h"

namespace weft::conformance {

namespace {

// include/net/tcp_states.h. What is in TIME-WAIT is a closed socket to Linux.
std::uint8_t state_number(const Socket& socket, net::TcpState state) {
  if (socket.state == SocketState::kListening) return 10;
  if (!socket.has_connection()) return 7;
  switch (state) {
    case net::TcpState::kEstablished: return 1;
    case net::TcpState::kSynSent: return 2;
    case net::TcpState::kSynPending:
    case net::TcpState::kSynReceived: return 3;
    case net::TcpState::kFinWait1: return 4;
    case net::TcpState::kFinWait2: return 5;
    case net::TcpState::kTimeWait:
    case net::TcpState::kClosed: return 7;
    case net::TcpState::kCloseWait: return 8;
    case net::TcpState::kLastAck: return 9;
    case net::TcpState::kClosing: return 11;
  }
  return 7;
}

std::uint32_t segments(std::uint32_t bytes, std::uint32_t mss) { return mss == 0 ? 0 : (bytes + mss - 1) / mss; }
std::uint32_t microseconds(Duration d) { return static_cast<std::uint32_t>(d.us()); }

void fill_path(const net::TcpInfo& from, tcp_info& to) {
  to.tcpi_options = static_cast<std::uint8_t>((from.timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
                                              (from.sack ? TCPI_OPT_SACK : 0) |
                                              (from.window_scale ? TCPI_OPT_WSCALE : 0));
  to.tcpi_snd_wscale = from.snd_wscale & 15u;
  to.tcpi_rcv_wscale = from.rcv_wscale & 15u;
  to.tcpi_snd_mss = from.mss;
  to.tcpi_rcv_mss = from.receive_mss;
  to.tcpi_advmss = from.advertised_mss;
  to.tcpi_pmtu = from.path_mtu;
  to.tcpi_rtt = microseconds(from.srtt);
  to.tcpi_rttvar = microseconds(from.rttvar);
  to.tcpi_rto = microseconds(from.rto);
}

void fill_sending(const net::TcpInfo& from, tcp_info& to) {
  constexpr std::uint32_t kInfinite = 0x7fffffff;  // TCP_INFINITE_SSTHRESH
  to.tcpi_retransmits = static_cast<std::uint8_t>(std::min(from.retries, 255u));
  to.tcpi_probes = static_cast<std::uint8_t>(std::min(from.keepalives, 255u));
  to.tcpi_unacked = segments(from.in_flight, from.mss);
  to.tcpi_sacked = segments(from.sacked, from.mss);
  to.tcpi_lost = segments(from.lost, from.mss);
  to.tcpi_retrans = segments(from.retransmitted, from.mss);
  to.tcpi_total_retrans = from.retransmits;
  to.tcpi_snd_cwnd = from.mss == 0 ? 0 : from.cwnd / from.mss;
  to.tcpi_snd_ssthresh = from.ssthresh == UINT32_MAX ? kInfinite : segments(from.ssthresh, from.mss);
  to.tcpi_bytes_acked = from.bytes_out;
}

}  // namespace

int SocketLayer::getsockopt_info(Socket& s, void* value, socklen_t* size) {
  const net::TcpInfo from = s.has_connection() ? tcp().info(s.connection) : net::TcpInfo();
  tcp_info to{};
  to.tcpi_state = state_number(s, from.state);
  if (s.has_connection()) {
    fill_path(from, to);
    fill_sending(from, to);
    to.tcpi_ato = microseconds(tcp().options().delayed_ack);
    to.tcpi_rcv_space = from.receive_buffer;
    to.tcpi_bytes_received = from.bytes_in;
  }
  const std::size_t copied = std::min<std::size_t>(sizeof to, *size);
  std::memcpy(value, &to, copied);
  *size = static_cast<socklen_t>(copied);
  return 0;
}

}  // namespace weft::conformance
