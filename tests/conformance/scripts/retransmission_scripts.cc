// The retransmission timer, and the basics of recovery: RFC 6298, 5681, 3042, 6582; RFC 9293 3.8.1 and 3.8.3.
#include <linux/tcp.h>
#include <netinet/in.h>

#include <algorithm>

#include "tests/conformance/scripts/script.h"

namespace {

// A connection whose handshake took 100 ms: SRTT 100, RTTVAR 50, RTO 300.
void accept_after_100_ms(script::Script& t) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.silent_for(100);
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.accept() >= 0);
}

// Five segments in flight, of one write.
void send_five(script::Script& t) {
  t.send(5000);
  for (int at = 1; at < 4000; at += 1000) {
    t.out(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1");
  }
  t.out("P. 4001:5001(1000) ack 1");
}

void duplicates(script::Script& t, int n) {
  for (int i = 0; i < n; ++i) t.in(". 1:1(0) ack 1 win 65535");
}

}  // namespace

// ---- RFC 6298

SCRIPT(SamplesAreSmoothed) {  // SRTT 112.5, RTTVAR 62.5
  accept_after_100_ms(t);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.silent_for(200);
  t.in(". 1:1(0) ack 11 win 65535");
  t.send(10);
  t.out("P. 11:21(10) ack 1");
  t.out_after(363, "P. 11:21(10) ack 1");
}

SCRIPT(RetransmittedSegmentsAreNotMeasuredAndTheBackOffStays) {  // Karn
  accept_after_100_ms(t);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.out_after(300, "P. 1:11(10) ack 1");
  t.in(". 1:1(0) ack 11 win 65535");
  t.send(10);
  t.out("P. 11:21(10) ack 1");
  t.out_after(600, "P. 11:21(10) ack 1");
}

SCRIPT(BackOffEndsWithTheNextMeasurement) {
  accept_after_100_ms(t);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.out_after(300, "P. 1:11(10) ack 1");
  t.in(". 1:1(0) ack 11 win 65535");
  t.send(10);
  t.out("P. 11:21(10) ack 1");
  t.silent_for(100);
  t.in(". 1:1(0) ack 21 win 65535");  // SRTT 100, RTTVAR 37.5
  t.send(10);
  t.out("P. 21:31(10) ack 1");
  t.out_after(250, "P. 21:31(10) ack 1");
}

SCRIPT(AckOfNewTextRestartsTheTimer) {  // 5.3
  t.accept_peer();
  t.send(1500);
  t.out(". 1:1001(1000) ack 1");
  t.out("P. 1001:1501(500) ack 1");
  t.silent_for(150);
  t.in(". 1:1(0) ack 1001 win 65535");
  t.out_after(200, "P. 1001:1501(500) ack 1");
}

SCRIPT(DuplicateAckDoesNotRestartTheTimer) {
  t.accept_peer();
  t.send(100);
  t.out("P. 1:101(100) ack 1");
  t.silent_for(150);
  duplicates(t, 1);
  t.out_after(50, "P. 1:101(100) ack 1");
}

SCRIPT(TimerIsOffWhenEverythingIsAcknowledged) {  // 5.2
  t.accept_peer();
  t.send(100);
  t.out("P. 1:101(100) ack 1");
  t.in(". 1:1(0) ack 101 win 65535");
  t.silent_for(600'000);
}

SCRIPT(MoreTextDoesNotPostponeTheTimer) {  // 5.1
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_NODELAY, 1);
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  t.silent_for(150);
  t.send(1000);
  t.out("P. 1001:2001(1000) ack 1");
  t.out_after(50, "P. 1:1001(1000) ack 1");
}

SCRIPT(TimeoutBacksOffToTwoMinutesAndGivesUp) {  // 5.5; RFC 9293, 3.8.3: R2
  t.accept_peer();
  t.send(100);
  t.out("P. 1:101(100) ack 1");
  for (int i = 0; i < 15; ++i) t.out_after(std::min(200LL << i, 120'000LL), "P. 1:101(100) ack 1");
  t.out_after(120'000, "R. 101:101(0) ack 1");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ETIMEDOUT);
}

// A peer that takes what the MTU allows.
void accept_large(script::Script& t) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss " + std::to_string(t.mss()) + ">");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
}

SCRIPT(SegmentsShrinkInABlackHole) {  // RFC 8899, 4.3: R1 retransmissions were in vain
  accept_large(t);
  const std::string full = "1:" + std::to_string(t.mss() + 1) + "(" + std::to_string(t.mss()) + ") ack 1";
  t.send(static_cast<int>(t.mss()));
  t.out("P. " + full);
  for (int i = 0; i < 3; ++i) t.out_after(200LL << i, "P. " + full);
  // 1200 bytes, or the least of IPv6.
  const unsigned smaller = t.family() == AF_INET6 ? 1280 - 60 : 1200 - 40;
  const std::string at = std::to_string(1 + smaller);
  t.out_after(1600, ". 1:" + at + "(" + std::to_string(smaller) + ") ack 1");
  t.in(". 1:1(0) ack " + at + " win 65535");
  t.out("P. " + at + ":" + std::to_string(t.mss() + 1) + "(" + std::to_string(t.mss() - smaller) + ") ack 1");
}

SCRIPT(SmallSegmentsSuspectNoBlackHole) {
  accept_large(t);
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  for (int i = 0; i < 6; ++i) t.out_after(200LL << i, "P. 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 1001 win 65535");
  t.send(static_cast<int>(t.mss()));
  t.out("P. 1001:" + std::to_string(t.mss() + 1001) + "(" + std::to_string(t.mss()) + ") ack 1");
}

SCRIPT(OrphanGivesUpSooner) {
  t.accept_peer();
  t.send(100);
  t.close();
  t.out("FP. 1:101(100) ack 1");
  for (int i = 0; i < 8; ++i) t.out_after(200LL << i, "FP. 1:101(100) ack 1");
  t.out_after(51'200, "R. 102:102(0) ack 1");
}

SCRIPT(TimeoutSendsOneSegment) {  // RFC 5681, 3.1: the loss window
  t.accept_peer();
  send_five(t);
  t.out_after(200, ". 1:1001(1000) ack 1");
  t.silent_for(399);
}

SCRIPT(AfterATimeoutSlowStartSendsTheRest) {
  t.accept_peer();
  send_five(t);
  t.out_after(200, ". 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 1001 win 65535");
  t.out(". 1001:2001(1000) ack 1");
  t.out(". 2001:3001(1000) ack 1");
  t.in(". 1:1(0) ack 5001 win 65535");
  t.silent_for(10'000);
}

// ---- slow start, and limited transmit (RFC 5681, 3042)

SCRIPT(SlowStartGrowsByWhatIsAcknowledged) {
  t.accept_peer();
  t.send(30'000);
  for (int at = 1; at < 10'000; at += 1000) {
    t.out(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1");
  }
  t.in(". 1:1(0) ack 2001 win 65535");
  for (int at = 10'001; at < 14'000; at += 1000) {
    t.out(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1");
  }
  t.silent_for(100);
}

SCRIPT(FirstTwoDuplicatesLetNewSegmentsOut) {  // RFC 3042
  t.accept_peer();
  t.send(12'000);
  for (int at = 1; at < 10'000; at += 1000) {
    t.out(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1");
  }
  duplicates(t, 1);
  t.out(". 10001:11001(1000) ack 1");
  duplicates(t, 1);
  t.out("P. 11001:12001(1000) ack 1");
}

// ---- fast retransmit without SACK (RFC 5681, 3.2; RFC 6582)

SCRIPT(TwoDuplicatesAreNotEnough) {
  t.accept_peer();
  send_five(t);
  duplicates(t, 2);
  t.silent_for(150);
}

SCRIPT(AckWithTextIsNoDuplicate) {
  t.accept_peer();
  send_five(t);
  for (int at = 1; at < 50; at += 10) {
    t.in("P. " + std::to_string(at) + ":" + std::to_string(at + 10) + "(10) ack 1 win 65535");
    t.out(". 5001:5001(0) ack " + std::to_string(at + 10));
  }
  t.silent_for(150);
}

SCRIPT(AckWithAnotherWindowIsNoDuplicate) {
  t.accept_peer();
  send_five(t);
  for (int i = 0; i < 5; ++i) t.in(". 1:1(0) ack 1 win " + std::to_string(60'000 + i));
  t.silent_for(150);
}

SCRIPT(AckWithNothingInFlightIsNoDuplicate) {
  t.accept_peer();
  duplicates(t, 5);
  t.silent_for(1'000);
}

SCRIPT(PartialAckSendsTheNextHole) {  // RFC 6582, 3.2
  t.accept_peer();
  send_five(t);
  duplicates(t, 3);
  t.out(". 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 2001 win 65535");
  t.out(". 2001:3001(1000) ack 1");
  t.in(". 1:1(0) ack 5001 win 65535");
  t.silent_for(10'000);
}

SCRIPT(BlocksThatAreNonsenseAreIgnored) {  // RFC 2018: beyond what was sent, empty, or turned round
  t.accept_peer(",nop,nop,sackOK");
  send_five(t);
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,sack 90001:91001>");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,sack 2001:2001>");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,sack 3001:2001>");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,raw 5 9 0 0 0 1 0 0 0,eol>");
  t.out_after(1, "P. 4001:5001(1000) ack 1");  // the tail's own probe (RFC 8985, 7.2), nothing before it
}
