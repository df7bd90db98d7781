// ICMP errors in every state: RFC 1122 4.2.3.9, RFC 5461, RFC 5927, RFC 6633; path MTU: RFC 1191, RFC 8201.
#include <linux/tcp.h>
#include <netinet/in.h>

#include "tests/conformance/scripts/script.h"

namespace {

// Ten bytes in flight.
void send_ten(script::Script& t) {
  t.send(10);
  t.out("P. 1:11(10) ack 1");
}

void lives(script::Script& t) {
  t.in(". 1:1(0) ack 11 win 65535");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == 0);
  t.in("P. 1:11(10) ack 11 win 65535");
  t.out(". 11:11(0) ack 11");
}

std::uint32_t segment_size(script::Script& t) {
  tcp_info info{};
  socklen_t size = sizeof info;
  CHECK(t.stack().getsockopt(t.now(), t.socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  return info.tcpi_snd_mss;
}

// A peer that takes segments of 1400 bytes.
void accept_large(script::Script& t) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1400>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.accept() >= 0);
  t.send(1400);
  t.out("P. 1:1401(1400) ack 1");
}

}  // namespace

// ---- SYN-SENT: hard errors end the attempt, soft ones do not

SCRIPT(SoftErrorsDoNotEndAnAttempt) {  // codes 0 and 1, time exceeded
  t.connect();
  t.out("S 0:0(0)");
  t.icmp_net_unreachable();
  t.icmp_host_unreachable();
  t.icmp_time_exceeded();
  CHECK(t.connect_result() == -EAGAIN);
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  CHECK(t.connect_result() == 0);
}

SCRIPT(ProhibitionEndsAnAttempt) {
  t.connect();
  t.out("S 0:0(0)");
  t.icmp_prohibited();
  CHECK(t.connect_result() == -EHOSTUNREACH);
}

SCRIPT(ParameterProblemIsSoftInIpv4AndHardInIpv6) {  // RFC 1122, 4.2.3.9; RFC 5461, 2.1
  t.connect();
  t.out("S 0:0(0)");
  t.icmp({12, 0}, {4, 1});
  CHECK(t.connect_result() == (t.family() == AF_INET6 ? -EHOSTUNREACH : -EAGAIN));
}

SCRIPT(SourceQuenchAndRedirectSayNothing) {  // RFC 6633, 5
  if (t.family() == AF_INET6) return;
  t.open_socket();
  t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1'500);
  t.connect();
  t.out("S 0:0(0)");
  t.icmp({4, 0}, {4, 0});
  t.icmp({5, 1}, {4, 0});
  t.out_after(1'000, "S 0:0(0)");
  t.silent_for(500);
  CHECK(t.connect_result() == -ETIMEDOUT);  // and not "unreachable"
}

SCRIPT(ErrorOfAnotherSegmentDoesNotEndAnAttempt) {  // RFC 5927, 4.1
  t.connect();
  t.out("S 0:0(0)");
  t.quote_sequence(1);
  t.icmp_port_unreachable();
  t.quote_sequence(0xffffffff);
  t.icmp_port_unreachable();
  CHECK(t.connect_result() == -EAGAIN);
}

SCRIPT(ErrorInSynReceivedLeavesTheHandshake) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.icmp_port_unreachable();
  t.icmp_host_unreachable();
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.accept() >= 0);
}

// ---- synchronized states: no error ends a connection (RFC 5927, 5.2)

SCRIPT(SoftErrorLeavesAConnectionAlone) {
  t.accept_peer();
  send_ten(t);
  t.icmp_host_unreachable();
  t.icmp_net_unreachable();
  t.icmp_time_exceeded();
  lives(t);
}

SCRIPT(HardErrorLeavesAConnectionAlone) {
  t.accept_peer();
  send_ten(t);
  t.icmp_port_unreachable();
  t.icmp_prohibited();
  t.icmp({3, 2}, {4, 1});
  lives(t);
}

SCRIPT(HardErrorLeavesFinWait1Alone) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.icmp_port_unreachable();
  t.in(". 1:1(0) ack 2 win 65535");
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 11");
}

SCRIPT(HardErrorLeavesFinWait2Alone) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.icmp_port_unreachable();
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 11");
}

SCRIPT(HardErrorLeavesCloseWaitAlone) {
  t.accept_peer();
  t.to_close_wait();
  t.icmp_port_unreachable();
  t.send(10);
  t.out("P. 1:11(10) ack 2");
}

SCRIPT(HardErrorLeavesClosingAlone) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.icmp_port_unreachable();
  t.in("F. 1:1(0) ack 1 win 65535");
  t.out(". 2:2(0) ack 2");
  t.icmp_port_unreachable();
  t.out_after(200, "F. 1:1(0) ack 2");
}

SCRIPT(HardErrorLeavesLastAckAlone) {
  t.accept_peer();
  t.to_last_ack();
  t.icmp_port_unreachable();
  t.out_after(200, "F. 1:1(0) ack 2");
}

SCRIPT(ErrorInTimeWaitIsIgnored) {
  t.accept_peer();
  t.to_time_wait();
  t.icmp_port_unreachable();
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(ErrorOfNoConnectionIsIgnored) {
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("R. 0:0(0) ack 1");
  t.icmp_port_unreachable();
  t.silent_for(1'000);
}

// ---- path MTU

SCRIPT(PathMtuThatAForgerInventsIsNotBelieved) {  // RFC 5927, 7: it must quote something in flight
  accept_large(t);
  t.quote_sequence(5000);
  t.icmp_too_big(1300);
  t.quote_sequence(0);
  t.icmp_too_big(1300);
  CHECK(segment_size(t) == 1400);
}

SCRIPT(PathMtuThatIsLargerThanNowChangesNothing) {
  accept_large(t);
  t.icmp_too_big(9000);
  CHECK(segment_size(t) == 1400);
  t.silent_for(150);
}

SCRIPT(PathMtuNeverGrowsByAnError) {  // RFC 8201, 4
  accept_large(t);
  t.icmp_too_big(1290);
  const std::uint32_t small = t.mss() - 210;
  CHECK(segment_size(t) == small);
  t.out(". 1:" + std::to_string(1 + small) + "(" + std::to_string(small) + ") ack 1");
  t.out("P. " + std::to_string(1 + small) + ":1401(" + std::to_string(1400 - small) + ") ack 1");
  t.icmp_too_big(1400);
  CHECK(segment_size(t) == small);
}

SCRIPT(PathMtuLeavesTheCongestionWindow) {  // RFC 1191, 6.5
  accept_large(t);
  t.icmp_too_big(1300);
  tcp_info info{};
  socklen_t size = sizeof info;
  CHECK(t.stack().getsockopt(t.now(), t.socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  CHECK(info.tcpi_snd_ssthresh == 0x7fffffff && info.tcpi_snd_cwnd >= 10);
  script::Bytes datagram;
  while (t.stack().output(t.now(), &datagram)) CHECK(datagram.size() <= 1300);
}

SCRIPT(PathMtuOfASynShortensWhatFollows) {
  t.connect();
  t.out("S 0:0(0)");
  t.icmp_too_big(1300);
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1440>");
  t.out(". 1:1(0) ack 1");
  CHECK(segment_size(t) == t.mss() - 200);
}

SCRIPT(PathMtuOfOldRoutersIsUnknown) {  // RFC 1191, 5: a next-hop MTU of 0
  if (t.family() == AF_INET6) return;
  accept_large(t);
  t.icmp_too_big(0);
  CHECK(segment_size(t) == 512);
  script::Bytes datagram;
  while (t.stack().output(t.now(), &datagram)) CHECK(datagram.size() <= 552);
}

SCRIPT(DatagramsForbidFragmentation) {  // RFC 1191, 3
  if (t.family() == AF_INET6) return;
  t.accept_peer();
  t.send(10);
  script::Bytes datagram;
  CHECK(t.stack().output(t.now(), &datagram));
  CHECK((datagram[6] & 0x40) != 0);
}
