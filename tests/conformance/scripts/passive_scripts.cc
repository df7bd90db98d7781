// CLOSED, LISTEN and SYN-RECEIVED: RFC 9293 3.10.7.1, 3.10.7.2 and 3.10.7.4; RFC 5961; RFC 6528.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <set>

#include "tests/conformance/scripts/script.h"

// ---- CLOSED: everything but an RST is answered with one (3.10.7.1)

SCRIPT(ResetToAClosedPortIsIgnored) {
  t.in("R 5:5(0)");
  t.in("R. 5:5(0) ack 7");
  t.silent_for(1'000);
}

SCRIPT(FinToAClosedPortIsReset) {
  t.in("F 5:5(0)");
  t.out("R. 0:0(0) ack 6");  // <SEQ=0><ACK=SEG.SEQ+SEG.LEN>
  t.in("F. 5:5(0) ack 9");
  t.out("R 9:9(0)");  // <SEQ=SEG.ACK>
}

SCRIPT(TextToAClosedPortIsReset) {
  t.in("P 5:15(10)");
  t.out("R. 0:0(0) ack 15");
  t.in("P. 5:15(10) ack 3");
  t.out("R 3:3(0)");
}

SCRIPT(SynAckToAClosedPortIsReset) {
  t.in("S. 5:5(0) ack 9 win 65535");
  t.out("R 9:9(0)");
}

SCRIPT(ResetOfASynWithTextAcknowledgesAllOfIt) {
  t.in("S 0:10(10) win 65535 <mss 1000>");
  t.out("R. 0:0(0) ack 11");
}

// ---- LISTEN (3.10.7.2)

SCRIPT(ResetToAListenerIsIgnored) {
  t.listen();
  t.in("R 1:1(0)");
  t.in("R. 1:1(0) ack 1");
  t.in("SR 1:1(0)");
  t.silent_for(1'000);
}

SCRIPT(AckToAListenerIsReset) {
  t.listen();
  t.in(". 1:1(0) ack 5 win 65535");
  t.out("R 5:5(0)");
  t.in("S. 1:1(0) ack 6 win 65535");
  t.out("R 6:6(0)");
  t.in("F. 1:1(0) ack 7 win 65535");
  t.out("R 7:7(0)");
}

SCRIPT(TextOfASynIsHeldUntilEstablished) {
  t.listen();
  t.in("S 0:10(10) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  CHECK(t.accept() == -EAGAIN);
  t.in(". 11:11(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(100) == 10);
}

SCRIPT(TextOfASynMayComeAgain) {
  t.listen();
  t.in("S 0:10(10) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("P. 1:21(20) ack 1 win 65535");
  t.out(". 1:1(0) ack 21");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(100) == 20);
}

SCRIPT(FinOfASynIsHeldUntilEstablished) {
  t.listen();
  t.in("SF 0:10(10) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 12:12(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 12");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(100) == 10);
  CHECK(t.recv(100) == 0);
}

SCRIPT(OptionThatIsUnknownIsPassedOver) {  // RFC 9293, 3.1, MUST-6
  t.listen();
  t.in("S 0:0(0) win 65535 <raw 253 4 1 2,mss 700>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(1000);
  t.out(". 1:701(700) ack 1");
  t.out("P. 701:1001(300) ack 1");
}

SCRIPT(OptionWithAnImpossibleLengthEndsTheOptions) {  // RFC 9293, 3.1, MUST-7
  t.listen();
  t.in("S 0:0(0) win 65535 <nop,nop,raw 3 0,mss 700>");
  t.out("S. 0:0(0) ack 1 <mss>");
  t.peer_port = 40'001;
  t.in("S 0:0(0) win 65535 <nop,nop,raw 4 200>");
  t.out("S. 0:0(0) ack 1 <mss>");
}

SCRIPT(WithoutAnMssOptionSegmentsAreOfTheDefaultSize) {  // RFC 9293, 3.7.1, MUST-15
  t.listen();
  t.in("S 0:0(0) win 65535");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(1300);
  if (t.family() == AF_INET6) return t.out(". 1:1221(1220) ack 1"), t.out("P. 1221:1301(80) ack 1");
  t.out(". 1:537(536) ack 1");
  t.out(". 537:1073(536) ack 1");
  t.out("P. 1073:1301(228) ack 1");
}

SCRIPT(SegmentsFitTheMtuWhateverThePeerTakes) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 9000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(t.mss() + 1);
  const std::string size = std::to_string(t.mss()), next = std::to_string(t.mss() + 1);
  t.out(". 1:" + next + "(" + size + ") ack 1");
  t.out("P. " + next + ":" + std::to_string(t.mss() + 2) + "(1) ack 1");
}

SCRIPT(SmallestSegmentSizeHasABound) {  // else every byte costs a datagram
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(100);
  script::Bytes datagram;
  int datagrams = 0;
  while (t.stack().output(t.now(), &datagram)) ++datagrams;
  CHECK(datagrams <= 4);
}

// ---- SYN-RECEIVED (3.10.7.4)

SCRIPT(SynThatComesAgainGetsTheSameAnswer) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  const std::uint32_t first = t.isn();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  CHECK(t.isn() == first);
}

SCRIPT(ResetInSynReceivedReturnsToListen) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("R 1:1(0)");
  t.silent_for(2'000);
  CHECK(t.accept() == -EAGAIN);
  t.in("S 500:500(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 501");
}

SCRIPT(ResetAnywhereElseDoesNotEndSynReceived) {  // RFC 5961, 3.2
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("R 100000:100000(0)");
  t.in("R 2:2(0)");
  t.out(". 1:1(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.accept() >= 0);
}

SCRIPT(SynElsewhereInSynReceivedIsChallenged) {  // RFC 5961, 4.2
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("S 300:300(0) win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  t.in("R 1:1(0)");  // whoever has restarted says so, and may begin again
  t.in("S 300:300(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 301");
}

SCRIPT(UnacceptableAckInSynReceivedIsReset) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");
  t.in(". 1:1(0) ack 0 win 65535");
  t.out("R 0:0(0)");
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.accept() >= 0);
}

SCRIPT(SegmentWithoutAckInSynReceivedIsDropped) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("P 1:11(10) win 65535");
  t.in("F 1:1(0) win 65535");
  t.silent_for(900);
  CHECK(t.accept() == -EAGAIN);
}

SCRIPT(AckOfTheHandshakeMayBringText) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(100) == 10);
}

SCRIPT(AckOfTheHandshakeMayBringFin) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("FP. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 12");
  CHECK(t.accept() >= 0);
  CHECK(t.recv(100) == 10);
  CHECK(t.recv(100) == 0);
}

// ---- initial sequence numbers (RFC 6528)

SCRIPT(InitialNumbersOfTuplesDiffer) {
  t.listen(64);
  std::set<std::uint32_t> numbers, steps;
  std::uint32_t before = 0;
  for (t.peer_port = 40'000; t.peer_port < 40'032; ++t.peer_port) {
    t.in("S 0:0(0) win 65535 <mss 1000>");
    t.out("S. 0:0(0) ack 1");
    numbers.insert(t.isn());
    steps.insert(t.isn() - before);
    before = t.isn();
  }
  CHECK(numbers.size() == 32 && steps.size() == 32);
}

SCRIPT(InitialNumberOfATupleRisesEveryFourMicroseconds) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  const std::uint32_t before = t.isn();
  t.in("R 1:1(0)");
  t.silent_for(1'000);
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  CHECK(t.isn() - before == 250'000);
}
