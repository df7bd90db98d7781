// OPEN, SEND, RECEIVE, CLOSE, ABORT and STATUS in every state: RFC 9293 3.10.1 to 3.10.6, in the words of BSD sockets.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "tests/conformance/scripts/script.h"

namespace {

int state_of(script::Script& t) {
  tcp_info info{};
  socklen_t size = sizeof info;
  CHECK(t.stack().getsockopt(t.now(), t.socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  return info.tcpi_state;
}

}  // namespace

// ---- SEND (3.10.2)

SCRIPT(SendBeforeTheHandshakeIsCompleteWouldBlock) {
  t.connect();
  CHECK(t.send(10) == -EAGAIN);
  t.out("S 0:0(0)");
}

SCRIPT(SendAfterOurOwnFinIsRefused) {  // "connection closing"
  t.accept_peer();
  t.to_fin_wait_1();
  CHECK(t.send(10) == -EPIPE);
  t.in(". 1:1(0) ack 2 win 65535");
  CHECK(t.send(10) == -EPIPE);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  CHECK(t.send(10) == -EPIPE);
}

SCRIPT(SendInLastAckIsRefused) {
  t.accept_peer();
  t.to_last_ack();
  CHECK(t.send(10) == -EPIPE);
}

SCRIPT(SendInClosingIsRefused) {
  t.accept_peer();
  t.to_closing();
  CHECK(t.send(10) == -EPIPE);
}

SCRIPT(SendOfNothingIsNothing) {
  t.accept_peer();
  CHECK(t.send(0) == 0);
  t.silent_for(1'000);
}

// ---- RECEIVE (3.10.3)

SCRIPT(ReceiveBeforeTheHandshakeIsCompleteWouldBlock) {
  t.connect();
  t.out("S 0:0(0)");
  CHECK(t.recv(10) == -EAGAIN);
}

SCRIPT(ReceiveDeliversTextBeforeTheEnd) {
  t.accept_peer();
  t.in("FP. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 12");
  CHECK(t.recv(4) == 4);
  CHECK(t.recv(100) == 6);
  CHECK(t.recv(100) == 0 && t.recv(100) == 0);
}

SCRIPT(ReceiveInFinWaitStillWaits) {
  t.accept_peer();
  t.to_fin_wait_2();
  CHECK(t.recv(10) == -EAGAIN);
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(ReceiveInClosingAndLastAckIsTheEnd) {
  t.accept_peer();
  t.to_closing();
  CHECK(t.recv(10) == 0);
}

SCRIPT(TextBeforeAResetIsDeliveredBeforeItsError) {  // as Linux
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.in("R 11:11(0)");
  CHECK(t.recv(100) == 10);
  CHECK(t.recv(100) == -ECONNRESET);
  CHECK(t.recv(100) == 0);
}

SCRIPT(ShutdownOfReadingIsTheEndOfReading) {
  t.accept_peer();
  CHECK(t.shutdown(SHUT_RD) == 0);
  CHECK(t.recv(10) == 0);
  CHECK((t.ready() & (pd::kIn | pd::kRdHup)) == (pd::kIn | pd::kRdHup));
  t.send(10);
  t.out("P. 1:11(10) ack 1");
}

SCRIPT(TruncatingReceiveDiscards) {
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  script::Bytes unused(4);
  CHECK(t.stack().recv(t.now(), t.socket, unused.data(), unused.size(), MSG_TRUNC) == 4);
  CHECK(t.ioctl(FIONREAD) == 6);
}

// ---- CLOSE (3.10.4)

SCRIPT(CloseSendsWhatIsQueuedAndThenFin) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 1000");
  t.send(1500);
  t.close();
  t.out(". 1:1001(1000) ack 1");
  t.in(". 1:1(0) ack 1001 win 1000");
  t.out("FP. 1001:1501(500) ack 1");
}

SCRIPT(ShutdownTwiceIsOnce) {
  t.accept_peer();
  t.to_fin_wait_1();
  CHECK(t.shutdown(SHUT_WR) == 0);
  t.silent_for(100);
}

SCRIPT(ShutdownOfBothHalvesHangsUp) {
  t.accept_peer();
  CHECK(t.shutdown(SHUT_RDWR) == 0);
  t.out("F. 1:1(0) ack 1");
  CHECK((t.ready() & pd::kHup) != 0);
}

SCRIPT(ShutdownOfNothingKnownIsRefused) {
  t.accept_peer();
  CHECK(t.shutdown(7) == -EINVAL);
}

SCRIPT(ShutdownAfterTheEndIsRefused) {
  t.accept_peer();
  t.in("R 1:1(0)");
  CHECK(t.shutdown(SHUT_WR) == -ENOTCONN);
}

// ---- ABORT (3.10.5): close() with a linger time of 0

SCRIPT(AbortInEstablishedResets) {
  t.accept_peer();
  t.set_linger(true, 0);
  t.close();
  t.out("R. 1:1(0) ack 1");
}

SCRIPT(AbortInFinWait1Resets) {
  t.accept_peer();
  t.to_fin_wait_1();
  t.set_linger(true, 0);
  t.close();
  t.out("R. 2:2(0) ack 1");
}

SCRIPT(AbortInFinWait2Resets) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.set_linger(true, 0);
  t.close();
  t.out("R. 2:2(0) ack 1");
}

SCRIPT(AbortInCloseWaitResets) {
  t.accept_peer();
  t.to_close_wait();
  t.set_linger(true, 0);
  t.close();
  t.out("R. 1:1(0) ack 2");
}

SCRIPT(AbortInClosingSaysNothing) {
  t.accept_peer();
  t.to_closing();
  t.set_linger(true, 0);
  t.close();
  t.silent_for(10'000);
}

SCRIPT(AbortInLastAckSaysNothing) {
  t.accept_peer();
  t.to_last_ack();
  t.set_linger(true, 0);
  t.close();
  t.silent_for(10'000);
}

SCRIPT(LingerOfSomeTimeClosesInOrder) {
  t.accept_peer();
  t.set_linger(true, 5);
  t.send(10);
  t.close();
  t.out("FP. 1:11(10) ack 1");
}

SCRIPT(ConnectToNobodyAborts) {  // connect() with AF_UNSPEC
  t.accept_peer();
  sockaddr_storage nobody{};
  CHECK(t.stack().connect(t.now(), t.socket, reinterpret_cast<sockaddr*>(&nobody), sizeof nobody) == 0);
  t.out("R. 1:1(0) ack 1");
  CHECK(t.recv(10) == -ENOTCONN);
}

// ---- STATUS (3.10.6): the numbers of Linux's tcp_states.h

SCRIPT(StatusOfAnActiveOpen) {
  t.open_socket();
  CHECK(state_of(t) == 7);
  t.connect();
  t.out("S 0:0(0)");
  CHECK(state_of(t) == 2);
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  CHECK(state_of(t) == 1);
}

SCRIPT(StatusOfWhoClosesFirst) {
  t.accept_peer();
  t.to_fin_wait_1();
  CHECK(state_of(t) == 4);
  t.in(". 1:1(0) ack 2 win 65535");
  CHECK(state_of(t) == 5);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  CHECK(state_of(t) == 7);  // TIME-WAIT is no socket's
}

SCRIPT(StatusOfWhoClosesSecond) {
  t.accept_peer();
  t.to_close_wait();
  CHECK(state_of(t) == 8);
  t.shutdown(SHUT_WR);
  t.out("F. 1:1(0) ack 2");
  CHECK(state_of(t) == 9);
  t.in(". 2:2(0) ack 2 win 65535");
  CHECK(state_of(t) == 7);
}

SCRIPT(StatusOfASimultaneousClose) {
  t.accept_peer();
  t.to_closing();
  CHECK(state_of(t) == 11);
}

SCRIPT(StatusOfASimultaneousOpen) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  CHECK(state_of(t) == 3);
}
