// What BSD sockets are told: errno, readiness, options, listeners. Where no RFC speaks, Linux is the measure.
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "tests/conformance/scripts/script.h"

namespace {

// Binds `socket` to `port` of all addresses.
int bind_to(script::Script& t, int socket, std::uint16_t port) {
  sockaddr_storage any{};
  if (t.family() == AF_INET6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&any);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return t.stack().bind(t.now(), socket, reinterpret_cast<sockaddr*>(&any), sizeof *v6);
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&any);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  return t.stack().bind(t.now(), socket, reinterpret_cast<sockaddr*>(&any), sizeof *v4);
}

// A connection of one more peer, complete but for accept().
void peer_waits(script::Script& t, std::uint16_t port) {
  t.peer_port = port;
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
}

}  // namespace

// ---- errno

SCRIPT(CallsOfNoSocketAreRefused) {
  pd::Stack& s = t.stack();
  t.socket = t.listener = 77;
  CHECK(t.send(1) == -EBADF && t.recv(1) == -EBADF && t.shutdown(SHUT_WR) == -EBADF && t.close() == -EBADF);
  CHECK(t.accept() == -EBADF && t.connect() == -EBADF && t.connect_result() == -EBADF);
  CHECK(s.listen(0, 77, 1) == -EBADF && bind_to(t, 77, 1) == -EBADF);
  CHECK(t.set(IPPROTO_TCP, TCP_NODELAY, 1) == -EBADF);
}

SCRIPT(SocketsThatCannotBe) {
  pd::Stack& s = t.stack();
  CHECK(s.socket(0, AF_UNIX, SOCK_STREAM, 0) == -EAFNOSUPPORT);
  CHECK(s.socket(0, t.family(), SOCK_RAW, 0) == -EPROTONOSUPPORT);
  CHECK(s.socket(0, t.family(), SOCK_STREAM, IPPROTO_UDP) == -EPROTONOSUPPORT);
  CHECK(s.socket(0, t.family(), SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP) >= 0);
}

SCRIPT(BindTwiceIsRefused) {
  t.open_socket();
  CHECK(bind_to(t, t.socket, 1000) == 0);
  CHECK(bind_to(t, t.socket, 1001) == -EINVAL);
}

SCRIPT(BindToATakenPortIsRefused) {
  t.listen();
  t.open_socket();
  CHECK(bind_to(t, t.socket, 8080) == -EADDRINUSE);
  CHECK(bind_to(t, t.socket, 8081) == 0);
}

SCRIPT(PortOfAClosedListenerIsFree) {
  t.listen();
  t.close_listener();
  t.open_socket();
  CHECK(bind_to(t, t.socket, 8080) == 0);
}

SCRIPT(ReusedAddressMayBeSharedUntilSomebodyListens) {
  t.open_socket();
  t.set(SOL_SOCKET, SO_REUSEADDR, 1);
  CHECK(bind_to(t, t.socket, 1000) == 0);
  const int first = t.socket;
  t.open_socket();
  t.set(SOL_SOCKET, SO_REUSEADDR, 1);
  CHECK(bind_to(t, t.socket, 1000) == 0);
  CHECK(t.stack().listen(0, first, 1) == 0);
  CHECK(t.stack().listen(0, t.socket, 1) == -EADDRINUSE);
}

SCRIPT(ListenOnAConnectionIsRefused) {
  t.accept_peer();
  CHECK(t.stack().listen(t.now(), t.socket, 1) == -EINVAL);
}

SCRIPT(ConnectOfAListenerIsRefused) {
  t.listen();
  t.socket = t.listener;
  CHECK(t.connect() == -EISCONN);
}

SCRIPT(AcceptOfNoListenerIsRefused) {
  t.accept_peer();
  CHECK(t.stack().accept(t.now(), t.socket, nullptr, nullptr) == -EINVAL);
}

SCRIPT(ResetAfterThePeersFinBreaksThePipe) {  // as Linux: EPIPE in CLOSE-WAIT
  t.accept_peer();
  t.to_close_wait();
  t.in("R 2:2(0)");
  CHECK(t.send(10) == -EPIPE);
}

SCRIPT(OutOfBandTextIsNotOffered) {
  t.accept_peer();
  const char byte = 1;
  char unused = 0;
  CHECK(t.stack().send(t.now(), t.socket, &byte, 1, MSG_OOB, nullptr, 0) == -EOPNOTSUPP);
  CHECK(t.stack().recv(t.now(), t.socket, &unused, 1, MSG_OOB) == -EINVAL);
}

// ---- readiness

SCRIPT(FreshSocketIsWritableAndHungUp) {  // as Linux's tcp_poll()
  t.open_socket();
  CHECK(t.ready() == (pd::kOut | pd::kHup));
}

SCRIPT(ListenerIsReadableWhileSomebodyWaits) {
  t.listen();
  t.socket = t.listener;
  CHECK(t.ready() == 0);
  peer_waits(t, 40'000);
  CHECK(t.ready() == pd::kIn);
  CHECK(t.accept() >= 0);
  t.socket = t.listener;
  CHECK(t.ready() == 0);
}

SCRIPT(ConnectionIsReadableWhileTextWaits) {
  t.accept_peer();
  CHECK(t.ready() == pd::kOut);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.ready() == (pd::kIn | pd::kOut));
  t.recv(100);
  CHECK(t.ready() == pd::kOut);
}

SCRIPT(ResetIsEveryKindOfReady) {
  t.accept_peer();
  t.in("R 1:1(0)");
  CHECK(t.ready() == (pd::kIn | pd::kOut | pd::kErr | pd::kHup | pd::kRdHup));
}

// ---- options

SCRIPT(BuffersAreReportedDoubled) {  // socket(7)
  t.open_socket();
  t.set(SOL_SOCKET, SO_RCVBUF, 10'000);
  t.set(SOL_SOCKET, SO_SNDBUF, 20'000);
  CHECK(t.get(SOL_SOCKET, SO_RCVBUF) == 20'000 && t.get(SOL_SOCKET, SO_SNDBUF) == 40'000);
}

SCRIPT(OptionsOutOfTheirRangeAreRefused) {  // tcp(7)
  t.open_socket();
  CHECK(t.set(IPPROTO_TCP, TCP_MAXSEG, 10) == -EINVAL && t.set(IPPROTO_TCP, TCP_MAXSEG, 40'000) == -EINVAL);
  CHECK(t.set(IPPROTO_TCP, TCP_KEEPINTVL, 0) == -EINVAL && t.set(IPPROTO_TCP, TCP_KEEPINTVL, 40'000) == -EINVAL);
  CHECK(t.set(IPPROTO_TCP, TCP_KEEPCNT, 0) == -EINVAL && t.set(IPPROTO_TCP, TCP_KEEPCNT, 128) == -EINVAL);
  CHECK(t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, -1) == -EINVAL);
  CHECK(t.set(IPPROTO_UDP, TCP_NODELAY, 1) == -ENOPROTOOPT);
}

SCRIPT(OptionsAreReadAsTheyWereSet) {
  t.open_socket();
  t.set(IPPROTO_TCP, TCP_KEEPIDLE, 11);
  t.set(IPPROTO_TCP, TCP_KEEPINTVL, 12);
  t.set(IPPROTO_TCP, TCP_KEEPCNT, 13);
  t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 14);
  CHECK(t.get(IPPROTO_TCP, TCP_KEEPIDLE) == 11 && t.get(IPPROTO_TCP, TCP_KEEPINTVL) == 12);
  CHECK(t.get(IPPROTO_TCP, TCP_KEEPCNT) == 13 && t.get(IPPROTO_TCP, TCP_USER_TIMEOUT) == 14);
  CHECK(t.get(IPPROTO_TCP, TCP_NODELAY) == 0 && t.get(SOL_SOCKET, SO_KEEPALIVE) == 0);
}

SCRIPT(AcceptedSocketHasItsListenersOptions) {
  t.listen();
  t.socket = t.listener;
  t.set(IPPROTO_TCP, TCP_NODELAY, 1);
  peer_waits(t, 40'000);
  CHECK(t.accept() >= 0);
  CHECK(t.get(IPPROTO_TCP, TCP_NODELAY) == 1);
}

SCRIPT(BytesOfAListenerCannotBeCounted) {
  t.listen();
  int value = 0;
  CHECK(t.stack().ioctl(t.now(), t.listener, FIONREAD, &value) == -EINVAL);
  CHECK(t.stack().ioctl(t.now(), t.listener, 0x1234, &value) == -EOPNOTSUPP);
}

// ---- listeners

SCRIPT(AcceptIsInTheOrderOfArrival) {
  t.listen();
  peer_waits(t, 40'001);
  peer_waits(t, 40'000);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  CHECK(t.stack().accept(t.now(), t.listener, &peer, &size) >= 0);
  CHECK(reinterpret_cast<sockaddr_in*>(&peer)->sin_port == htons(40'001));  // of both families at the same place
}

SCRIPT(ConnectionThatWasResetIsStillAccepted) {  // as Linux
  t.listen();
  peer_waits(t, 40'000);
  t.in("R 1:1(0)");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(10) == -ECONNRESET);
}

SCRIPT(ConnectionThatIsNotAcceptedYetTakesText) {
  t.listen();
  peer_waits(t, 40'000);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(100) == 10);
}

SCRIPT(HandshakesOfAClosedListenerAreForgotten) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.close_listener();
  t.silent_for(2'000);
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("R 1:1(0)");
}

SCRIPT(ConnectionsOutliveTheirListener) {
  t.accept_peer();
  t.close_listener();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.peer_port = 40'001;
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("R. 0:0(0) ack 1");
}

SCRIPT(BacklogMayGrow) {
  t.listen(0);
  peer_waits(t, 40'000);
  t.peer_port = 40'001;
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.silent_for(100);
  CHECK(t.stack().listen(t.now(), t.listener, 2) == 0);
  peer_waits(t, 40'001);
}
