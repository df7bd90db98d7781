// Ends of connections: RFC 9293 3.6 and 3.10.7.4, RFC 1122 4.2.3.5 and 4.2.3.6, RFC 1337, RFC 2525, RFC 5961.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/conformance/scripts/script.h"

SCRIPT(PeerClosesFirst) {
  t.accept_peer();
  t.in("F. 1:1(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 2");
  CHECK((t.ready() & (pd::kIn | pd::kRdHup)) == (pd::kIn | pd::kRdHup));
  CHECK(t.recv(10) == 0);
  t.send(10);
  t.out("P. 1:11(10) ack 2");
  CHECK(t.close() == 0);
  t.out("F. 11:11(0) ack 2");
  t.in(". 2:2(0) ack 12 win 65535");
  t.in(". 2:2(0) ack 12 win 65535");
  t.out("R 12:12(0)");  // nothing is left of it
}

SCRIPT(WeCloseFirstAndWaitTwoSegmentLifetimes) {
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in(". 1:1(0) ack 2 win 65535");
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.in("R 2:2(0)");  // must not end TIME-WAIT (RFC 1337)
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.silent_for(60'001);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");
}

SCRIPT(SimultaneousClose) {  // RFC 9293, 3.6, figure 13
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in("F. 1:1(0) ack 1 win 65535");
  t.out(". 2:2(0) ack 2");
  t.in(". 2:2(0) ack 2 win 65535");
  t.in("F. 1:1(0) ack 2 win 65535");  // TIME-WAIT answers it again
  t.out(". 2:2(0) ack 2");
}

SCRIPT(HalfCloseStillReceives) {
  t.accept_peer();
  CHECK(t.shutdown(SHUT_WR) == 0);
  t.out("F. 1:1(0) ack 1");
  CHECK(t.send(10) == -EPIPE);
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 11");
  CHECK(t.recv(100) == 10);
  t.in("F. 11:11(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 12");
  CHECK(t.recv(100) == 0);
}

SCRIPT(FinIsRetransmitted) {
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.out_after(200, "F. 1:1(0) ack 1");
  t.out_after(400, "F. 1:1(0) ack 1");
}

SCRIPT(FinBehindAHoleWaitsForIt) {
  t.accept_peer();
  t.in("F. 11:11(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 12");
  CHECK(t.recv(100) == 10);
  CHECK(t.recv(100) == 0);
}

SCRIPT(OrphanInFinWait2IsForgotten) {
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in(". 1:1(0) ack 2 win 65535");
  t.silent_for(60'001);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");
}

SCRIPT(ResetAtTheExpectedNumberEnds) {  // RFC 5961, 3.2
  t.accept_peer();
  t.in("R 2:2(0)");  // in the window, but not the next one
  t.out(". 1:1(0) ack 1");
  t.in("R 70000:70000(0)");
  CHECK(t.recv(10) == -EAGAIN);
  t.in("R 1:1(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ECONNRESET);
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == 0);
  CHECK(t.send(10) == -EPIPE);
  CHECK(t.recv(10) == 0);
}

SCRIPT(SynInAConnectionIsChallenged) {  // RFC 5961, 4.2
  t.accept_peer();
  t.in("S 1:1(0) win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  t.in("S 500000:500000(0) win 65535");
  t.out(". 1:1(0) ack 1");
}

SCRIPT(AckOfWhatWasNeverSentIsChallenged) {  // RFC 5961, 5.2
  t.accept_peer();
  t.in(". 1:1(0) ack 100 win 65535");
  t.out(". 1:1(0) ack 1");
}

SCRIPT(LingerOfZeroResets) {
  t.accept_peer();
  CHECK(t.set_linger(true, 0) == 0);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.close();
  t.out("R. 11:11(0) ack 1");
}

SCRIPT(ClosingWithUnreadTextResets) {  // RFC 2525, 2.17
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.close();
  t.out("R. 1:1(0) ack 11");
}

SCRIPT(TextAfterCloseIsReset) {
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out("R 2:2(0)");  // at the number that the peer expects
}

SCRIPT(KeepaliveProbesAndGivesUp) {  // RFC 9293, 3.8.4
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  t.set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  t.set(IPPROTO_TCP, TCP_KEEPCNT, 2);
  CHECK(t.set(SOL_SOCKET, SO_KEEPALIVE, 1) == 0);
  t.out_after(10'000, ". 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.out_after(10'000, ". 0:0(0) ack 1");
  t.out_after(5'000, ". 0:0(0) ack 1");
  t.out_after(5'000, "R. 1:1(0) ack 1");
  CHECK(t.recv(10) == -ETIMEDOUT);
}

SCRIPT(UserTimeoutEndsWhatIsNotAcknowledged) {  // RFC 9293, 3.8.3
  t.accept_peer();
  CHECK(t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1000) == 0);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.out_after(200, "P. 1:11(10) ack 1");
  t.out_after(400, "P. 1:11(10) ack 1");
  t.out_after(400, "R. 11:11(0) ack 1");
  CHECK(t.send(10) == -ETIMEDOUT);
  CHECK(t.send(10) == -EPIPE);
}

SCRIPT(NewConnectionMayTakeATupleOutOfTimeWait) {  // RFC 6191; RFC 9293, 3.10.7.4
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.in("S 1000:1000(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1001");
}
