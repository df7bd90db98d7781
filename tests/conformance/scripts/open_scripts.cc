// Handshakes: RFC 9293 3.5, 3.10.7.2 and 3.10.7.3; RFC 6298; RFC 7323; RFC 1122 4.2.3.9.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/conformance/scripts/script.h"

SCRIPT(PassiveOpen) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1 <mss>");
  CHECK(t.accept() == -EAGAIN);
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.accept() >= 0);
  CHECK(t.ready() == pd::kOut);
}

SCRIPT(ActiveOpen) {
  CHECK(t.connect() == -EINPROGRESS);
  t.out("S 0:0(0)");
  CHECK(t.connect_result() == -EAGAIN);
  CHECK(t.ready() == 0);
  CHECK(t.connect() == -EALREADY);
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  CHECK(t.connect_result() == 0);
  CHECK(t.connect() == -EISCONN);
}

SCRIPT(SynOptionsComeInTheOrderOfLinux) {
  t.connect();
  t.out("S 0:0(0) <mss,sackOK,TS ecr 0,nop,wscale>");
}

SCRIPT(SynAckRepeatsTheOptionsOfTheSyn) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000,sackOK,TS val 7 ecr 0,nop,wscale 0>");
  t.out("S. 0:0(0) ack 1 <mss,sackOK,TS ecr 7,nop,wscale>");
  t.peer_port = 40'001;
  t.in("S 0:0(0) win 65535 <mss 1000,nop,nop,sackOK,nop,wscale 3>");
  t.out("S. 0:0(0) ack 1 <mss,nop,nop,sackOK,nop,wscale>");
  t.peer_port = 40'002;
  t.in("S 0:0(0) win 65535");
  t.out("S. 0:0(0) ack 1 <mss>");
}

SCRIPT(OptionsThatAreSwitchedOffAreNotOffered) {
  t.configure("rfc7323", "0");
  t.configure("sack", "0");
  t.connect();
  t.out("S 0:0(0) <mss>");
}

SCRIPT(WindowAndItsScaleAreAsConfigured) {
  t.configure("rwnd", "20000");
  t.configure("wscale", "2");
  t.connect();
  t.out("S 0:0(0) win 20000 <mss,sackOK,TS,nop,wscale 2>");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 1,nop,wscale 0>");
  t.out(". 1:1(0) ack 1 win 5000");
}

SCRIPT(SimultaneousOpen) {  // RFC 9293, 3.5, figure 7
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  CHECK(t.connect_result() == 0);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
}

SCRIPT(SynToAClosedPortIsReset) {
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("R. 0:0(0) ack 1");
}

SCRIPT(ResetOfASegmentWithAckHasNone) {  // RFC 9293, 3.10.7.1
  t.in(". 5:5(0) ack 77 win 65535");
  t.out("R 77:77(0)");
}

SCRIPT(ResetRefusesAConnect) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("R 0:0(0)");  // without ACK it proves nothing
  CHECK(t.connect_result() == -EAGAIN);
  t.in("R. 0:0(0) ack 1");
  CHECK((t.ready() & pd::kErr) != 0);
  CHECK(t.connect_result() == -ECONNREFUSED);
}

SCRIPT(UnacceptableAckOfASynIsReset) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("S. 0:0(0) ack 2 win 65535");
  t.out("R 2:2(0)");
  CHECK(t.connect_result() == -EAGAIN);
}

SCRIPT(SynIsRetransmittedWithBackOffUntilTheConnectTimesOut) {
  t.connect();
  t.out("S 0:0(0)");
  for (int ms = 1000; ms <= 32'000; ms *= 2) t.out_after(ms, "S 0:0(0) <mss,sackOK,TS,nop,wscale>");
  t.silent_for(63'999);
  CHECK(t.connect_result() == -EAGAIN);
  t.silent_for(1);
  CHECK(t.connect_result() == -ETIMEDOUT);
}

SCRIPT(SynAckIsRetransmittedFiveTimesAndForgotten) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  for (int ms = 1000; ms <= 16'000; ms *= 2) t.out_after(ms, "S. 0:0(0) ack 1");
  t.out_after(32'000, "R. 1:1(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("R 1:1(0)");
}

SCRIPT(ClosedPortThatIcmpReportsRefuses) {
  t.connect();
  t.out("S 0:0(0)");
  t.icmp_port_unreachable();
  CHECK(t.connect_result() == -ECONNREFUSED);
}

SCRIPT(UnreachableHostIsASoftErrorThatExplainsTheTimeout) {  // RFC 1122, 4.2.3.9
  t.socket = t.stack().socket(0, t.family(), SOCK_STREAM, 0);
  t.set(IPPROTO_TCP, TCP_USER_TIMEOUT, 2000);
  t.connect();
  t.out("S 0:0(0)");
  t.icmp_host_unreachable();
  CHECK(t.connect_result() == -EAGAIN);
  t.out_after(1000, "S 0:0(0)");
  t.silent_for(1000);
  CHECK(t.connect_result() == -EHOSTUNREACH);
}

SCRIPT(FullBacklogDropsSyns) {
  t.listen(1);
  for (t.peer_port = 40'000; t.peer_port < 40'002; ++t.peer_port) {
    t.in("S 0:0(0) win 65535 <mss 1000>");
    t.out("S. 0:0(0) ack 1");
    t.in(". 1:1(0) ack 1 win 65535");
  }
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.silent_for(1000);
  CHECK(t.accept() >= 0);
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
}

SCRIPT(ClosingAListenerResetsWhoWaits) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.close_listener() == 0);
  t.out("R. 1:1(0) ack 1");
}

SCRIPT(MaxSegmentIsWhatTheSynAnnounces) {
  t.socket = t.stack().socket(0, t.family(), SOCK_STREAM, 0);
  CHECK(t.set(IPPROTO_TCP, TCP_MAXSEG, 700) == 0);
  t.connect();
  t.out("S 0:0(0) <mss 700,sackOK,TS,nop,wscale>");
}

SCRIPT(CallsThatCannotBe) {
  pd::Stack& s = t.stack();
  CHECK(s.socket(0, t.family(), SOCK_DGRAM, 0) == -EPROTONOSUPPORT);
  t.listen();
  t.socket = s.socket(0, t.family(), SOCK_STREAM, 0);
  CHECK(t.recv(1) == -ENOTCONN);
  CHECK(t.send(1) == -EPIPE);
  CHECK(t.shutdown(SHUT_WR) == -ENOTCONN);
  CHECK(t.accept() == -EAGAIN);
  CHECK(t.set(IPPROTO_TCP, TCP_CORK, 1) == -ENOPROTOOPT);
  CHECK(t.set(IPPROTO_TCP, TCP_KEEPIDLE, 0) == -EINVAL);
  CHECK(!s.configure(0, "ecn", "3") && s.configure(0, "ecn", "1") && !s.configure(0, "unheard of", "1"));
  CHECK(t.close() == 0 && t.close() == -EBADF);
}
