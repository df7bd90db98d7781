// What the peer may still say, state by state: RFC 9293 3.10.7.4, fifth to eighth.
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "tests/conformance/scripts/script.h"

// ---- fifth: an ACK of what was never sent (RFC 5961, 5.2)

SCRIPT(AckOfTheFutureInFinWait1IsChallenged) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in(". 1:1(0) ack 100 win 65535");
  t.out(". 2:2(0) ack 1");
}

SCRIPT(AckOfTheFutureInFinWait2IsChallenged) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in(". 1:1(0) ack 100 win 65535");
  t.out(". 2:2(0) ack 1");
}

SCRIPT(AckOfTheFutureInCloseWaitIsChallenged) {
  t.accept_peer();
  t.to_close_wait();
  t.in(". 2:2(0) ack 100 win 65535");
  t.out(". 1:1(0) ack 2");
}

SCRIPT(AckOfTheFutureInClosingIsChallenged) {
  t.accept_peer();
  t.to_closing();
  t.in(". 2:2(0) ack 100 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(AckOfTheFutureInLastAckIsChallenged) {
  t.accept_peer();
  t.to_last_ack();
  t.in(". 2:2(0) ack 100 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(AckOfTheDistantPastIsChallenged) {  // before SND.UNA - MAX.SND.WND
  t.listen();
  t.in("S 0:0(0) win 1000 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 1000");
  t.accept();
  for (int i = 0; i < 2; ++i) {
    t.send(1000);
    t.out("P. " + std::to_string(1 + i * 1000) + ":" + std::to_string(1001 + i * 1000) + "(1000) ack 1");
    t.in(". 1:1(0) ack " + std::to_string(1001 + i * 1000) + " win 1000");
  }
  t.in(". 1:1(0) ack 1500 win 1000");  // a duplicate: nothing
  t.in(". 1:1(0) ack 500 win 1000");
  t.out(". 2001:2001(0) ack 1");
}

// ---- seventh: text

SCRIPT(TextInFinWait1IsTaken) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 2:2(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(TextInFinWait2IsTaken) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(TextInCloseWaitIsIgnored) {  // it lies beyond the peer's FIN
  t.accept_peer();
  t.to_close_wait();
  t.in("P. 2:12(10) ack 1 win 65535");
  t.silent_for(100);
  CHECK(t.recv(100) == 0);
}

SCRIPT(TextInClosingIsIgnored) {  // it lies beyond the peer's FIN
  t.accept_peer();
  t.to_closing();
  t.in("P. 2:12(10) ack 1 win 65535");
  t.silent_for(100);
  CHECK(t.recv(100) == 0);
}

SCRIPT(TextInLastAckIsIgnored) {  // it lies beyond the peer's FIN
  t.accept_peer();
  t.to_last_ack();
  t.in("P. 2:12(10) ack 1 win 65535");
  t.silent_for(100);
  CHECK(t.recv(100) == 0);
}

// ---- eighth: FIN

SCRIPT(FinThatComesAgainInCloseWaitIsAcknowledgedAgain) {
  t.accept_peer();
  t.to_close_wait();
  t.in("F. 1:1(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 2");
}

SCRIPT(FinThatComesAgainInClosingIsAcknowledgedAgain) {
  t.accept_peer();
  t.to_closing();
  t.in("F. 1:1(0) ack 1 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(FinThatComesAgainInLastAckIsAcknowledgedAgain) {
  t.accept_peer();
  t.to_last_ack();
  t.in("F. 1:1(0) ack 1 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(FinThatAcknowledgesOursEndsInTimeWait) {  // FIN-WAIT-1 to TIME-WAIT
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.silent_for(59'000);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(TextAndFinInFinWait1AreBothTaken) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("FP. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 12");
  CHECK(t.recv(100) == 10);
  CHECK(t.recv(100) == 0);
}

SCRIPT(ClosingRetransmitsItsFin) {
  t.accept_peer();
  t.to_closing();
  t.out_after(200, "F. 1:1(0) ack 2");
  t.out_after(400, "F. 1:1(0) ack 2");
  t.in(". 2:2(0) ack 2 win 65535");
  t.silent_for(10'000);
}

SCRIPT(LastAckRetransmitsItsFin) {
  t.accept_peer();
  t.to_last_ack();
  t.out_after(200, "F. 1:1(0) ack 2");
  t.in(". 2:2(0) ack 2 win 65535");
  t.silent_for(10'000);
}

SCRIPT(FinRidesOnTheLastText) {
  t.accept_peer();
  t.send(1500);
  t.close();
  t.out(". 1:1001(1000) ack 1");
  t.out("FP. 1001:1501(500) ack 1");
}

SCRIPT(CloseWaitStillSends) {
  t.accept_peer();
  t.to_close_wait();
  t.send(1500);
  t.out(". 1:1001(1000) ack 2");
  t.out("P. 1001:1501(500) ack 2");
  t.in(". 2:2(0) ack 1501 win 65535");
  t.close();
  t.out("F. 1501:1501(0) ack 2");
}

SCRIPT(AckOfTextButNotOfFinStaysInFinWait1) {
  t.accept_peer();
  t.send(10);
  t.close();
  t.out("FP. 1:11(10) ack 1");
  t.in(". 1:1(0) ack 11 win 65535");
  t.out_after(200, "F. 11:11(0) ack 1");
  t.in(". 1:1(0) ack 12 win 65535");
  t.silent_for(1'000);
}
