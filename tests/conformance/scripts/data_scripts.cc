// Text and its acknowledgment: RFC 9293 3.7 and 3.8.6, RFC 5681, RFC 7323.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "tests/conformance/scripts/script.h"

SCRIPT(TextIsCutIntoSegmentsAndPushedAtItsEnd) {
  t.accept_peer();
  CHECK(t.send(2500) == 2500);
  t.out(". 1:1001(1000) ack 1");
  t.out(". 1001:2001(1000) ack 1");
  t.out("P. 2001:2501(500) ack 1");
  t.in(". 1:1(0) ack 2501 win 65535");
}

SCRIPT(InitialWindowIsTenSegments) {  // RFC 6928
  t.accept_peer();
  CHECK(t.send(20'000) == 20'000);
  for (int i = 0; i < 10; ++i) {
    t.out(". " + std::to_string(1 + i * 1000) + ":" + std::to_string(1001 + i * 1000) + "(1000) ack 1");
  }
  t.silent_for(100);
}

SCRIPT(NagleHoldsASmallSegmentWhileTextIsUnacknowledged) {  // RFC 9293, 3.7.4
  t.accept_peer();
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.send(1020);
  t.out(". 11:1011(1000) ack 1");
  t.silent_for(100);
  t.in(". 1:1(0) ack 1011 win 65535");
  t.out("P. 1011:1031(20) ack 1");
}

SCRIPT(NodelaySendsAtOnce) {
  t.accept_peer();
  CHECK(t.set(IPPROTO_TCP, TCP_NODELAY, 1) == 0);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.send(20);
  t.out("P. 11:31(20) ack 1");
}

SCRIPT(FirstSegmentsAreAcknowledgedAtOnceAndLaterOnesDelayed) {
  t.accept_peer();
  int quick = 0;
  for (std::uint32_t at = 1; quick < 5; at += 10, ++quick) {
    t.in("P. " + std::to_string(at) + ":" + std::to_string(at + 10) + "(10) ack 1 win 65535");
    t.out(". 1:1(0) ack " + std::to_string(at + 10));
  }
  CHECK(t.set(IPPROTO_TCP, TCP_QUICKACK, 0) == 0);
  t.in("P. 51:61(10) ack 1 win 65535");
  t.out_after(40, ". 1:1(0) ack 61");
}

SCRIPT(EverySecondFullSegmentIsAcknowledgedAtOnce) {  // RFC 9293, 3.8.6.3
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_QUICKACK, 0);
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.silent_for(39);
  t.in(". 1001:2001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 2001");
  CHECK(t.recv(5000) == 2000);
}

SCRIPT(QuickackSendsWhatWasDelayed) {
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_QUICKACK, 0);
  t.in("P. 1:11(10) ack 1 win 65535");
  CHECK(t.set(IPPROTO_TCP, TCP_QUICKACK, 1) == 0);
  t.out(". 1:1(0) ack 11");
}

SCRIPT(TextBehindAHoleIsSelectivelyAcknowledged) {  // RFC 2018
  t.accept_peer(",nop,nop,sackOK");
  t.in(". 1001:2001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1 <nop,nop,sack 1001:2001>");
  CHECK(t.recv(10) == -EAGAIN);
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 2001");
  CHECK(t.recv(5000) == 2000);
}

SCRIPT(WindowClosesWithTextAndOpensWithReading) {  // RFC 9293, 3.8.6.2.2
  t.configure("rwnd", "3000");
  t.accept_peer();
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1001 win 2000");
  t.in(". 1001:3001(2000) ack 1 win 65535");
  t.out(". 1:1(0) ack 3001 win 0");
  t.in(". 3001:3002(1) ack 1 win 65535");  // a probe
  t.out(". 1:1(0) ack 3001 win 0");
  CHECK(t.recv(3000) == 3000);
  t.out(". 1:1(0) ack 3001 win 3000");
}

SCRIPT(ClosedWindowIsProbedWithBackOff) {  // RFC 9293, 3.8.6.1
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(100);
  for (int ms = 200; ms <= 1600; ms *= 2) {
    t.out_after(ms, ". 0:0(0) ack 1");
    t.in(". 1:1(0) ack 1 win 0");
  }
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("P. 1:101(100) ack 1");
}

SCRIPT(SmallPeerSegmentsAreRespected) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 300>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(500);
  t.out(". 1:301(300) ack 1");
  t.out("P. 301:501(200) ack 1");
}

SCRIPT(UrgentTextStaysInLine) {  // RFC 9293, 3.8.5; RFC 6093
  t.accept_peer();
  t.in("PU. 1:11(10) ack 1 win 65535 urg 5");
  t.out(". 1:1(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(OldTimestampIsRefusedAndAnswered) {  // RFC 7323, 5.3
  t.accept_peer(",sackOK,TS val 100 ecr 0");
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 90>");
  t.out(". 1:1(0) ack 1 <nop,nop,TS ecr 100>");
  CHECK(t.recv(100) == -EAGAIN);
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 101>");
  t.out(". 1:1(0) ack 11 <nop,nop,TS ecr 101>");
}

SCRIPT(PeekLeavesTheTextAndFionreadCountsIt) {
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.ioctl(FIONREAD) == 10);
  CHECK(t.recv(4, MSG_PEEK) == 4);
  CHECK(t.recv(100) == 10);
  CHECK(t.ioctl(FIONREAD) == 0);
  t.send(30);
  CHECK(t.ioctl(SIOCOUTQ) == 30);
  t.out("P. 1:31(30) ack 11");
  t.in(". 11:11(0) ack 31 win 65535");
  CHECK(t.ioctl(SIOCOUTQ) == 0);
}

SCRIPT(FullSendBufferBlocksUntilAcknowledged) {
  t.configure("sndbuf", "2000");
  t.accept_peer();
  CHECK(t.send(5000) == 2000);
  CHECK(t.send(1) == -EAGAIN);
  CHECK((t.ready() & pd::kOut) == 0);
  t.out(". 1:1001(1000) ack 1");
  t.out("P. 1001:2001(1000) ack 1");
  t.in(". 1:1(0) ack 2001 win 65535");
  CHECK((t.ready() & pd::kOut) != 0);
}

SCRIPT(NoDatagramIsLargerThanTheMtu) {
  t.configure("mtu", "1280");
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1460>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(4000);
  script::Bytes datagram;
  for (int i = 0; i < 4; ++i) CHECK(t.stack().output(t.now(), &datagram) && datagram.size() <= 1280);
}

SCRIPT(TcpInfoSaysWhatIsKnown) {
  t.accept_peer(",nop,nop,sackOK,nop,wscale 4");
  t.send(3000);
  t.out(". 1:1001(1000) ack 1");
  t.out(". 1001:2001(1000) ack 1");
  t.out("P. 2001:3001(1000) ack 1");
  tcp_info info{};
  socklen_t size = sizeof info;
  CHECK(t.stack().getsockopt(t.now(), t.socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  CHECK(info.tcpi_state == 1 && info.tcpi_options == (TCPI_OPT_SACK | TCPI_OPT_WSCALE) && info.tcpi_snd_wscale == 4);
  CHECK(info.tcpi_snd_cwnd == 10 && info.tcpi_unacked == 3 && info.tcpi_snd_mss == 1000);
  CHECK(info.tcpi_rto == 200'000 && info.tcpi_ato == 40'000 && info.tcpi_pmtu == 1500);
  CHECK(info.tcpi_advmss == t.mss());
}
