// When text is sent, and with PSH: RFC 9293 3.7.4, 3.8.6.1, 3.9.1.2; Nagle's algorithm in Minshall's variant, as Linux.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "tests/conformance/scripts/script.h"

// ---- Nagle's algorithm

SCRIPT(FullSegmentInFlightDoesNotHoldASmallOne) {
  t.accept_peer();
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  t.send(10);
  t.out("P. 1001:1011(10) ack 1");
  t.send(10);  // now a small one is in flight
  t.silent_for(100);
  t.in(". 1:1(0) ack 1011 win 65535");
  t.out("P. 1011:1021(10) ack 1");
}

SCRIPT(TailOfALargeWriteIsNotHeld) {
  t.accept_peer();
  t.send(2500);
  t.out(". 1:1001(1000) ack 1");
  t.out(". 1001:2001(1000) ack 1");
  t.out("P. 2001:2501(500) ack 1");
  t.send(2500);
  t.out(". 2501:3501(1000) ack 1");
  t.out(". 3501:4501(1000) ack 1");
  t.in(". 1:1(0) ack 2001 win 65535");
  t.silent_for(50);  // the small one is not acknowledged
  t.in(". 1:1(0) ack 2501 win 65535");
  t.out("P. 4501:5001(500) ack 1");
}

SCRIPT(SmallWritesAreGatheredWhileOneIsInFlight) {
  t.accept_peer();
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  for (int i = 0; i < 5; ++i) t.send(10);
  t.silent_for(100);
  t.in(". 1:1(0) ack 11 win 65535");
  t.out("P. 11:61(50) ack 1");
}

SCRIPT(SmallSegmentThatGrewFullIsNotHeld) {
  t.accept_peer();
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.send(600);
  t.silent_for(50);
  t.send(400);
  t.out("P. 11:1011(1000) ack 1");
}

SCRIPT(FinReleasesWhatNagleHeld) {
  t.accept_peer();
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.send(10);
  t.silent_for(50);
  t.close();
  t.out("FP. 11:21(10) ack 1");
}

SCRIPT(NodelayReleasesWhatNagleHeld) {
  t.accept_peer();
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.send(10);
  t.silent_for(50);
  t.set(IPPROTO_TCP, TCP_NODELAY, 1);
  t.out("P. 11:21(10) ack 1");
}

// ---- PSH

SCRIPT(PushStandsOnTheEndOfEachWrite) {
  t.accept_peer();
  t.send(2000);
  t.out(". 1:1001(1000) ack 1");
  t.out("P. 1001:2001(1000) ack 1");
  t.send(1000);
  t.out("P. 2001:3001(1000) ack 1");
}

SCRIPT(PushStandsOnTheEndOfWritesThatWaited) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(500);
  t.send(1500);
  t.send(1000);
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("P. 1:1001(1000) ack 1");  // the first write ends in it
  t.out("P. 1001:2001(1000) ack 1");
  t.out("P. 2001:3001(1000) ack 1");
}

SCRIPT(PushIsNotWhereNoWriteEnds) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(2500);
  t.send(2500);
  t.in(". 1:1(0) ack 1 win 65535");
  t.out(". 1:1001(1000) ack 1");
  t.out(". 1001:2001(1000) ack 1");
  t.out("P. 2001:3001(1000) ack 1");
  t.out(". 3001:4001(1000) ack 1");
  t.out("P. 4001:5001(1000) ack 1");
}

SCRIPT(PushIsSentAgain) {
  t.accept_peer();
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  t.send(1000);
  t.out("P. 1001:2001(1000) ack 1");
  t.out_after(200, "P. 1:1001(1000) ack 1");
}

SCRIPT(PushOfSmallWritesThatAreSentAgainTogether) {
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_NODELAY, 1);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.send(20);
  t.out("P. 11:31(20) ack 1");
  t.out_after(200, "P. 1:31(30) ack 1");
}

SCRIPT(PushOfAWriteWhoseStartIsAcknowledged) {
  t.accept_peer();
  t.send(1500);
  t.out(". 1:1001(1000) ack 1");
  t.out("P. 1001:1501(500) ack 1");
  t.send(1000);
  t.out("P. 1501:2501(1000) ack 1");
  t.in(". 1:1(0) ack 1001 win 65535");
  t.out_after(200, "P. 1001:2001(1000) ack 1");
}

// ---- the closed window (3.8.6.1)

SCRIPT(ProbesBackOffToTwoMinutesAndNeverEnd) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(100);
  for (int i = 0; i < 24; ++i) {
    t.out_after(std::min(200LL << i, 120'000LL), ". 0:0(0) ack 1");
    t.in(". 1:1(0) ack 1 win 0");
  }
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("P. 1:101(100) ack 1");
}

SCRIPT(ProbesThatNobodyAnswersEndTheConnection) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(100);
  for (int i = 0; i < 15; ++i) t.out_after(std::min(200LL << i, 120'000LL), ". 0:0(0) ack 1");
  t.out_after(120'000, "R. 1:1(0) ack 1");
  CHECK(t.recv(10) == -ETIMEDOUT);
}

SCRIPT(WindowUpdateEndsTheProbing) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(100);
  t.out_after(200, ". 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("P. 1:101(100) ack 1");
  t.in(". 1:1(0) ack 101 win 65535");
  t.silent_for(10'000);
}

SCRIPT(NothingToSendNeedsNoProbe) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.silent_for(600'000);
}

SCRIPT(WindowThatClosesBehindTextIsProbed) {
  t.accept_peer();
  t.send(1000);
  t.out("P. 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 1001 win 0");
  t.send(10);
  t.out_after(200, ". 1000:1000(0) ack 1");
}
