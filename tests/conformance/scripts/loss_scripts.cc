// Loss and its repair, and what the IP layer does to segments: RFC 6298, 6675, 1191, 8201, 791, 8200.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/conformance/scripts/script.h"

SCRIPT(TimeoutIsAsMeasuredAndBacksOff) {  // RFC 6298: SRTT 100 ms, RTTVAR 50 ms
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.silent_for(100);
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  for (int ms = 300; ms <= 2400; ms *= 2) t.out_after(ms, "P. 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 1001 win 65535");
  t.silent_for(10'000);
}

SCRIPT(ThirdDuplicateIsRepairedBeforeTheTimeout) {  // RFC 6675
  t.accept_peer(",nop,nop,sackOK");
  t.set(IPPROTO_TCP, TCP_NODELAY, 1);
  t.send(5000);
  for (int i = 0; i < 4; ++i) {
    t.out(". " + std::to_string(1 + i * 1000) + ":" + std::to_string(1001 + i * 1000) + "(1000) ack 1");
  }
  t.out("P. 4001:5001(1000) ack 1");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1001:2001>");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1001:3001>");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,sack 1001:4001>");
  t.out(". 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 5001 win 65535");
  t.silent_for(5'000);
}

SCRIPT(ThreeDuplicatesWithoutSackAreEnough) {  // RFC 5681, 3.2
  t.accept_peer();
  t.send(5000);
  for (int i = 0; i < 4; ++i) {
    t.out(". " + std::to_string(1 + i * 1000) + ":" + std::to_string(1001 + i * 1000) + "(1000) ack 1");
  }
  t.out("P. 4001:5001(1000) ack 1");
  for (int i = 0; i < 3; ++i) t.in(". 1:1(0) ack 1 win 65535");
  t.out(". 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 5001 win 65535");
}

SCRIPT(PathMtuThatIcmpReportsShortensSegments) {  // RFC 1191, RFC 8201
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1400>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(1400);
  t.out("P. 1:1401(1400) ack 1");
  t.icmp_too_big(1300);
  const std::string size = std::to_string(t.mss() - 200), next = std::to_string(t.mss() - 199);
  t.out(". 1:" + next + "(" + size + ") ack 1");
  t.out("P. " + next + ":1401(" + std::to_string(1600 - t.mss()) + ") ack 1");
}

SCRIPT(PathMtuBelowTheMinimumIsNotBelieved) {  // 552 for IPv4; 1280 for IPv6 (RFC 8201, 4)
  t.accept_peer();
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  t.icmp_too_big(100);
  if (t.family() == AF_INET6) return t.silent_for(150);
  t.out(". 1:513(512) ack 1");
  t.out("P. 513:1001(488) ack 1");
}

SCRIPT(SegmentInFragmentsIsWhole) {
  t.accept_peer();
  t.in_fragments("P. 1:1001(1000) ack 1 win 65535", 400);
  t.out(". 1:1(0) ack 1001");
  CHECK(t.recv(5000) == 1000);
}

SCRIPT(SegmentWithABadChecksumIsIgnored) {
  t.accept_peer();
  t.in_with_bad_checksum("P. 1:11(10) ack 1 win 65535");
  t.silent_for(1'000);
  CHECK(t.recv(10) == -EAGAIN);
}

SCRIPT(TextThatOverlapsIsDeliveredOnce) {
  t.accept_peer();
  t.in("P. 1:101(100) ack 1 win 65535");
  t.out(". 1:1(0) ack 101");
  t.in("P. 51:151(100) ack 1 win 65535");
  t.out(". 1:1(0) ack 151");
  CHECK(t.recv(1000) == 150);
}

SCRIPT(TextOutsideTheWindowIsAnsweredAndDropped) {
  t.accept_peer();
  t.in("P. 200001:200101(100) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
  CHECK(t.recv(1000) == -EAGAIN);
}
