// Keepalive, user timeout, FIN-WAIT-2 timeout: RFC 9293 3.8.3 and 3.8.4; RFC 1122 4.2.3.6.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/conformance/scripts/script.h"

namespace {

void keep_alive(script::Script& t) {
  t.set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  t.set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  t.set(IPPROTO_TCP, TCP_KEEPCNT, 2);
  CHECK(t.set(SOL_SOCKET, SO_KEEPALIVE, 1) == 0);
}

}  // namespace

SCRIPT(KeepaliveIsOffUnlessAskedFor) {  // MUST-25
  t.accept_peer();
  t.silent_for(24LL * 3600 * 1000);
}

SCRIPT(KeepaliveWaitsTwoHoursByDefault) {  // MUST-27
  t.accept_peer();
  t.set(SOL_SOCKET, SO_KEEPALIVE, 1);
  t.out_after(7'200'000, ". 0:0(0) ack 1");
}

SCRIPT(TextPutsTheKeepaliveOff) {  // MUST-26
  t.accept_peer();
  keep_alive(t);
  t.silent_for(9'000);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.out_after(10'000, ". 0:0(0) ack 11");
}

SCRIPT(KeepaliveDoesNotDisturbARetransmission) {
  t.accept_peer();
  keep_alive(t);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  for (int ms = 200; ms <= 12'800; ms *= 2) t.out_after(ms, "P. 1:11(10) ack 1");
}

SCRIPT(KeepaliveSpeaksInCloseWaitToo) {
  t.accept_peer();
  t.to_close_wait();
  keep_alive(t);
  t.out_after(10'000, ". 0:0(0) ack 2");
}

SCRIPT(KeepaliveThatIsSwitchedOffIsSilent) {
  t.accept_peer();
  keep_alive(t);
  t.silent_for(5'000);
  t.set(SOL_SOCKET, SO_KEEPALIVE, 0);
  t.silent_for(60'000);
}

SCRIPT(KeepaliveThatIsAnsweredByAResetEnds) {
  t.accept_peer();
  keep_alive(t);
  t.out_after(10'000, ". 0:0(0) ack 1");
  t.in("R 1:1(0)");
  CHECK(t.recv(10) == -ECONNRESET);
}

SCRIPT(UserTimeoutCountsFromTheLastProgress) {
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1'000);
  t.send(1500);
  t.out(". 1:1001(1000) ack 1");
  t.out("P. 1001:1501(500) ack 1");
  t.silent_for(150);
  t.in(". 1:1(0) ack 1001 win 65535");
  t.out_after(200, "P. 1001:1501(500) ack 1");
  t.out_after(400, "P. 1001:1501(500) ack 1");
  t.out_after(400, "R. 1501:1501(0) ack 1");
  CHECK(t.recv(10) == -ETIMEDOUT);
}

SCRIPT(UserTimeoutEndsTheProbingOfAClosedWindow) {  // as Linux
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1'000);
  t.in(". 1:1(0) ack 1 win 0");
  t.send(10);
  t.out_after(200, ". 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 0");
  t.out_after(400, ". 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 0");
  t.out_after(400, "R. 1:1(0) ack 1");
  CHECK(t.recv(10) == -ETIMEDOUT);
}

SCRIPT(UserTimeoutLeavesAnIdleConnectionAlone) {
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 1'000);
  t.silent_for(600'000);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
}

SCRIPT(FinWait2OfAnOpenSocketDoesNotEnd) {  // half-closed connections may live
  t.accept_peer();
  t.to_fin_wait_2();
  t.silent_for(600'000);
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 11");
}

SCRIPT(OrphanInFinWait2IsNotPutOffByAcks) {
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in(". 1:1(0) ack 2 win 65535");
  t.silent_for(40'000);
  t.in(". 1:1(0) ack 2 win 65535");
  t.silent_for(20'001);
  t.in(". 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");
}

SCRIPT(PeerThatCannotTakeTextBeforeItsFinIsTold) {  // RFC 2525, 2.17
  t.accept_peer();
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in(". 1:1(0) ack 2 win 65535");
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out("R 2:2(0)");
}
