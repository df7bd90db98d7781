// Outside the window, and at its edges: RFC 9293 3.4, 3.8.6 and 3.10.7.4, first; RFC 5961; RFC 7323.
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "tests/conformance/scripts/script.h"

// ---- is any of it in the window? (3.10.7.4, first)

SCRIPT(TextThatCameBeforeIsAcknowledgedAgain) {
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(TextOneNumberBeyondTheWindowIsRefused) {
  t.configure("rwnd", "1000");
  t.accept_peer();
  t.in("P. 1001:1011(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 1 win 1000");
  t.in("P. 1000:1001(1) ack 1 win 65535");  // the last number of the window
  t.out(". 1:1(0) ack 1 win 1000");
  t.in(". 1:1000(999) ack 1 win 65535");
  t.out(". 1:1(0) ack 1001 win 0");
}

SCRIPT(TextAcrossTheRightEdgeIsCut) {
  t.configure("rwnd", "1000");
  t.accept_peer();
  t.in("P. 1:1401(1400) ack 1 win 65535");
  t.out(". 1:1(0) ack 1001 win 0");
  CHECK(t.recv(5000) == 1000);
  t.out(". 1:1(0) ack 1001 win 1000");
}

SCRIPT(FinBeyondTheRightEdgeIsCut) {
  t.configure("rwnd", "1000");
  t.accept_peer();
  t.in("F. 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1001 win 0");
  CHECK(t.recv(5000) == 1000);
  t.out(". 1:1(0) ack 1001 win 1000");
  CHECK(t.recv(10) == -EAGAIN);
  t.in("F. 1001:1001(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 1002");
  CHECK(t.recv(10) == 0);
}

SCRIPT(EmptySegmentLeftOfTheWindowIsAnswered) {  // a keepalive: 3.8.4
  t.accept_peer();
  t.in(". 0:0(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
}

SCRIPT(EmptySegmentRightOfTheWindowIsAnswered) {
  t.accept_peer();
  t.in(". 100000:100000(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
}

SCRIPT(KeepaliveWithAByteOfGarbageIsAnswered) {  // 3.8.4, MAY-6
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.in(". 10:11(1) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(AckCountsAlsoWhenTheWindowIsClosed) {  // "special allowance"
  t.configure("rwnd", "1000");
  t.accept_peer();
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 11:11(0) ack 1001 win 0");
  t.in("P. 1001:1011(10) ack 11 win 65535");
  t.out(". 11:11(0) ack 1001 win 0");
  CHECK(t.ioctl(SIOCOUTQ) == 0);
}

SCRIPT(ResetCountsAlsoWhenTheWindowIsClosed) {  // MUST-66
  t.configure("rwnd", "1000");
  t.accept_peer();
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1001 win 0");
  t.in("R 1002:1002(0)");
  t.in("R 1001:1001(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ECONNRESET);
}

SCRIPT(SynIsChallengedAlsoWhenTheWindowIsClosed) {
  t.configure("rwnd", "1000");
  t.accept_peer();
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1001 win 0");
  t.in("S 1001:1001(0) win 65535");
  t.out(". 1:1(0) ack 1001 win 0");
}

SCRIPT(StaleWindowIsNotBelieved) {  // SND.WL1
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  t.in(". 1:1(0) ack 1 win 0");  // older than the text
  t.out(". 1:1(0) ack 11");
  t.send(10);
  t.out("P. 1:11(10) ack 11");
}

SCRIPT(WindowOfAnOldAckIsNotBelieved) {  // SND.UNA =< SEG.ACK
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 2000");
  t.send(3000);
  t.out(". 1:1001(1000)");
  t.out(". 1001:2001(1000)");
  t.in(". 1:1(0) ack 1001 win 1000");
  t.in("P. 11:21(10) ack 1 win 2000");  // sent before it, came after it
  t.out(". 2001:2001(0) ack 1");
  t.in(". 21:21(0) ack 1001 win 2000");
  t.out("P. 2001:3001(1000)");
}

SCRIPT(WindowOfTextSentAgainIsBelievedWithANewAck) {  // older than SND.WL1, and yet the latest
  t.accept_peer();
  t.in(". 1001:2001(1000) ack 1 win 2000");
  t.out(". 1:1(0) ack 1");
  t.send(3000);
  t.out(". 1:1001(1000)");
  t.out(". 1001:2001(1000)");
  t.in(". 1:1001(1000) ack 1001 win 1000");
  t.out(". 2001:2001(0) ack 2001");
  t.in(". 2001:2001(0) ack 2001 win 1000");
  t.out("P. 2001:3001(1000)");
}

SCRIPT(ChallengesHaveALimit) {  // RFC 5961, 7: of a connection eight in a row, then two a second, as Linux
  t.accept_peer();
  script::Bytes datagram;
  int challenges = 0;
  for (int i = 0; i < 2000; ++i) {
    t.in("R 2:2(0)");
    while (t.stack().output(t.now(), &datagram)) ++challenges;
  }
  CHECK(challenges == 8);
  t.silent_for(1'000);
  for (int i = 0; i < 2; ++i) {
    t.in("R 2:2(0)");
    t.out(". 1:1(0) ack 1");
  }
  t.in("R 2:2(0)");
  t.silent_for(100);
}

SCRIPT(AnswersToAnswersEnd) {  // two peers that disagree about their numbers
  t.accept_peer();
  int answers = 0;
  script::Bytes datagram;
  for (int i = 0; i < 100; ++i) {
    t.in(". 0:0(0) ack 1");  // as a keepalive
    while (t.stack().output(t.now(), &datagram)) ++answers;
  }
  CHECK(answers == 8);
}

// ---- the receiver (3.8.6.2.2)

SCRIPT(WindowIsNotOpenedBySillySteps) {
  t.configure("rwnd", "3000");
  t.accept_peer();
  for (int at = 1; at < 3000; at += 1000) {
    t.in(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1 win 65535");
    t.out(". 1:1(0) ack " + std::to_string(at + 1000) + " win " + std::to_string(2001 - at));
  }
  CHECK(t.recv(999) == 999);
  t.silent_for(100);
  CHECK(t.recv(1) == 1);
  t.out(". 1:1(0) ack 3001 win 1000");
}

SCRIPT(WindowNeverShrinks) {  // SHLD-14
  t.configure("rwnd", "10000");
  t.accept_peer();
  t.set(SOL_SOCKET, SO_RCVBUF, 2000);
  for (int at = 1; at < 5000; at += 1000) {
    t.in(". " + std::to_string(at) + ":" + std::to_string(at + 1000) + "(1000) ack 1 win 65535");
    t.out(". 1:1(0) ack " + std::to_string(at + 1000) + " win " + std::to_string(9001 - at));
  }
}

// ---- the sender (3.8.6.2.1)

SCRIPT(WindowTooSmallForASegmentIsUsedAfterATimeout) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.send(100);
  t.out_after(200, ". 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 10");
  t.out_after(200, ". 1:11(10) ack 1");
}

SCRIPT(HalfOfTheLargestWindowIsWorthASegment) {
  t.listen();
  t.in("S 0:0(0) win 1200 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 1200");
  t.accept();
  t.send(3000);
  t.out(". 1:1001(1000) ack 1");
  t.silent_for(100);  // 200 are left, of at least 600
  t.in(". 1:1(0) ack 1001 win 600");
  t.out(". 1001:1601(600) ack 1");
}

SCRIPT(PeerMayShrinkItsWindow) {  // SHLD-15
  t.accept_peer();
  t.send(3000);
  t.out(". 1:1001(1000) ack 1");
  t.out(". 1001:2001(1000) ack 1");
  t.out("P. 2001:3001(1000) ack 1");
  t.in(". 1:1(0) ack 1 win 1000");
  t.send(10);
  t.silent_for(100);
  t.in(". 1:1(0) ack 3001 win 1000");
  t.out("P. 3001:3011(10) ack 1");
}

SCRIPT(FinWaitsForAnOpenWindow) {
  t.accept_peer();
  t.in(". 1:1(0) ack 1 win 0");
  t.shutdown(SHUT_WR);
  t.out_after(200, ". 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 1");
  t.out("F. 1:1(0) ack 1");
}
