// Resets, SYNs and acknowledgments in every synchronized state: RFC 9293 3.10.7.4, second, fourth and fifth; RFC 5961.
#include <netinet/in.h>

#include "tests/conformance/scripts/script.h"

// ---- second: RST. Only the exact number ends a connection (RFC 5961, 3.2)

SCRIPT(ResetEndsEstablished) {
  t.accept_peer();
  t.in("R 1:1(0)");
  CHECK(t.recv(10) == -ECONNRESET);
  CHECK(t.recv(10) == 0);
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("R 1:1(0)");  // CLOSED
}

SCRIPT(ResetEndsFinWait1) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("R 1:1(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ECONNRESET);
  t.in(". 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");  // CLOSED
}

SCRIPT(ResetEndsFinWait2) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in("R 1:1(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ECONNRESET);
  t.in(". 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");  // CLOSED
}

SCRIPT(ResetEndsCloseWait) {
  t.accept_peer();
  t.to_close_wait();
  t.in("R 2:2(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == EPIPE);
  t.in(". 2:2(0) ack 1 win 65535");
  t.out("R 1:1(0)");  // CLOSED
}

SCRIPT(ResetEndsClosing) {
  t.accept_peer();
  t.to_closing();
  t.in("R 2:2(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == 0);
  t.in(". 2:2(0) ack 2 win 65535");
  t.out("R 2:2(0)");  // CLOSED
}

SCRIPT(ResetEndsLastAck) {
  t.accept_peer();
  t.to_last_ack();
  t.in("R 2:2(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == 0);
  t.in(". 2:2(0) ack 2 win 65535");
  t.out("R 2:2(0)");  // CLOSED
}

SCRIPT(BlindResetInEstablishedIsChallenged) {
  t.accept_peer();
  t.in("R 2:2(0)");
  t.out(". 1:1(0) ack 1");
  t.in("R 100000:100000(0)");  // outside the window: nothing
  t.in("R 0:0(0)");
  t.silent_for(100);
}

SCRIPT(BlindResetInFinWait1IsChallenged) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("R 2:2(0)");
  t.out(". 2:2(0) ack 1");
  t.in("R 100000:100000(0)");  // outside the window: nothing
  t.in("R 0:0(0)");
  t.silent_for(100);
}

SCRIPT(BlindResetInFinWait2IsChallenged) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in("R 2:2(0)");
  t.out(". 2:2(0) ack 1");
  t.in("R 100000:100000(0)");  // outside the window: nothing
  t.in("R 0:0(0)");
  t.silent_for(100);
}

SCRIPT(BlindResetInCloseWaitIsChallenged) {
  t.accept_peer();
  t.to_close_wait();
  t.in("R 3:3(0)");
  t.out(". 1:1(0) ack 2");
  t.in("R 100000:100000(0)");  // outside the window: nothing
  t.in("R 0:0(0)");
  t.silent_for(100);
}

SCRIPT(BlindResetInClosingIsChallenged) {
  t.accept_peer();
  t.to_closing();
  t.in("R 3:3(0)");
  t.out(". 2:2(0) ack 2");
  t.in("R 100000:100000(0)");  // outside the window: nothing
  t.in("R 0:0(0)");
  t.silent_for(100);
}

SCRIPT(BlindResetInLastAckIsChallenged) {
  t.accept_peer();
  t.to_last_ack();
  t.in("R 3:3(0)");
  t.out(". 2:2(0) ack 2");
  t.in("R 100000:100000(0)");  // outside the window: nothing
  t.in("R 0:0(0)");
  t.silent_for(100);
}

// ---- fourth: SYN, anywhere (RFC 5961, 4.2)

SCRIPT(SynInEstablishedIsChallenged) {
  t.accept_peer();
  t.in("S 1:1(0) win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  t.in("S. 100000:100000(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
}

SCRIPT(SynInFinWait1IsChallenged) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("S 1:1(0) win 65535 <mss 1000>");
  t.out(". 2:2(0) ack 1");
  t.in("S. 100000:100000(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 1");
}

SCRIPT(SynInFinWait2IsChallenged) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in("S 1:1(0) win 65535 <mss 1000>");
  t.out(". 2:2(0) ack 1");
  t.in("S. 100000:100000(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 1");
}

SCRIPT(SynInCloseWaitIsChallenged) {
  t.accept_peer();
  t.to_close_wait();
  t.in("S 2:2(0) win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 2");
  t.in("S. 100000:100000(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 2");
}

SCRIPT(SynInClosingIsChallenged) {
  t.accept_peer();
  t.to_closing();
  t.in("S 2:2(0) win 65535 <mss 1000>");
  t.out(". 2:2(0) ack 2");
  t.in("S. 100000:100000(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(SynInLastAckIsChallenged) {
  t.accept_peer();
  t.to_last_ack();
  t.in("S 2:2(0) win 65535 <mss 1000>");
  t.out(". 2:2(0) ack 2");
  t.in("S. 100000:100000(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

// ---- fifth: ACK

SCRIPT(SegmentWithoutAckInEstablishedIsDropped) {
  t.accept_peer();
  t.in("P 1:11(10) win 65535");
  t.in("F 1:1(0) win 65535");
  t.silent_for(100);
}

SCRIPT(SegmentWithoutAckInFinWait1IsDropped) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.in("P 1:11(10) win 65535");
  t.in("F 1:1(0) win 65535");
  t.silent_for(100);
}

SCRIPT(SegmentWithoutAckInFinWait2IsDropped) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in("P 1:11(10) win 65535");
  t.in("F 1:1(0) win 65535");
  t.silent_for(100);
}

SCRIPT(SegmentWithoutAckInCloseWaitIsDropped) {
  t.accept_peer();
  t.to_close_wait();
  t.in("P 2:12(10) win 65535");
  t.in("F 2:2(0) win 65535");
  t.silent_for(100);
}

SCRIPT(SegmentWithoutAckInClosingIsDropped) {
  t.accept_peer();
  t.to_closing();
  t.in("P 2:12(10) win 65535");
  t.in("F 2:2(0) win 65535");
  t.silent_for(100);
}

SCRIPT(SegmentWithoutAckInLastAckIsDropped) {
  t.accept_peer();
  t.to_last_ack();
  t.in("P 2:12(10) win 65535");
  t.in("F 2:2(0) win 65535");
  t.silent_for(100);
}
