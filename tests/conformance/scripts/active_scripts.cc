// SYN-SENT and simultaneous opens: RFC 9293 3.5, 3.10.1 and 3.10.7.3; RFC 6298; RFC 6928.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "tests/conformance/scripts/script.h"

SCRIPT(AckWithoutSynInSynSentIsIgnored) {
  t.connect();
  t.out("S 0:0(0)");
  t.in(". 1:1(0) ack 1 win 65535");
  t.in("P. 1:11(10) ack 1 win 65535");
  t.silent_for(900);
  CHECK(t.connect_result() == -EAGAIN);
}

SCRIPT(FinOrTextWithoutSynInSynSentIsIgnored) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("F 5:5(0) win 65535");
  t.in("P 5:15(10) win 65535");
  t.silent_for(900);
  CHECK(t.connect_result() == -EAGAIN);
}

SCRIPT(ResetWithAnUnacceptableAckInSynSentIsIgnored) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("R. 0:0(0) ack 5");
  t.in("R. 0:0(0) ack 0");
  t.silent_for(900);
  CHECK(t.connect_result() == -EAGAIN);
}

SCRIPT(SegmentWithAnUnacceptableAckInSynSentIsReset) {
  t.connect();
  t.out("S 0:0(0)");
  t.in(". 7:7(0) ack 0 win 65535");
  t.out("R 0:0(0)");
  t.in(". 7:7(0) ack 9 win 65535");
  t.out("R 9:9(0)");
  CHECK(t.connect_result() == -EAGAIN);
}

SCRIPT(SynAckMayBringText) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("S. 0:10(10) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 11");
  CHECK(t.connect_result() == 0);
  CHECK(t.recv(100) == 10);
}

SCRIPT(SynAckMayBringFin) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("SF. 0:10(10) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 12");
  CHECK(t.recv(100) == 10);
  CHECK(t.recv(100) == 0);
}

SCRIPT(SynAckThatComesAgainIsAcknowledgedAgain) {
  t.connect_peer();
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
}

SCRIPT(TextOfASimultaneousSynIsHeld) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:10(10) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(SimultaneousOpenEndsWithAPlainAckToo) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  CHECK(t.connect_result() == 0);
}

SCRIPT(SimultaneousOpenRepeatsItsSynAck) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.out_after(1'000, "S. 0:0(0) ack 1");
}

SCRIPT(ResetOfASimultaneousOpenRefuses) {  // 3.10.7.4, second, SYN-RECEIVED
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.in("R 1:1(0)");
  CHECK(t.connect_result() == -ECONNREFUSED);
}

SCRIPT(CloseInSynSentForgetsTheConnection) {  // 3.10.4
  t.connect();
  t.out("S 0:0(0)");
  CHECK(t.close() == 0);
  t.silent_for(5'000);
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out("R 1:1(0)");
}

SCRIPT(AbortInSynSentSaysNothing) {  // 3.10.5
  t.connect();
  t.out("S 0:0(0)");
  t.set_linger(true, 0);
  CHECK(t.close() == 0);
  t.silent_for(5'000);
}

SCRIPT(CloseInSynReceivedSendsFinOnceEstablished) {  // 3.10.4
  t.connect();
  t.out("S 0:0(0)");
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.close();
  t.in(". 1:1(0) ack 1 win 65535");
  t.out("F. 1:1(0) ack 1");
}

SCRIPT(SynThatWasLostLeavesOneSegmentAndThreeSeconds) {  // RFC 6928, 2; RFC 6298, 5.7
  t.configure("rfc7323", "0");
  t.connect();
  t.out("S 0:0(0)");
  t.out_after(1'000, "S 0:0(0)");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  t.send(3000);
  t.out(". 1:1001(1000) ack 1");
  t.out_after(3'000, ". 1:1001(1000) ack 1");
}

SCRIPT(SynAckThatWasLostLeavesThreeSeconds) {  // RFC 6298, 5.7
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1");
  t.out_after(1'000, "S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 65535");
  t.accept();
  t.send(100);
  t.out("P. 1:101(100) ack 1");
  t.out_after(3'000, "P. 1:101(100) ack 1");
}

SCRIPT(TimestampOfALostSynMeasuresNevertheless) {  // RFC 7323, 4
  t.connect();
  t.out("S 0:0(0)");
  t.out_after(1'000, "S 0:0(0)");
  t.silent_for(100);
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 1>");
  t.out(". 1:1(0) ack 1");
  t.send(100);
  t.out("P. 1:101(100) ack 1");
  t.out_after(300, "P. 1:101(100) ack 1");  // 100 + 4 * 50
}

SCRIPT(RefusedSocketMayConnectAgain) {
  t.connect();
  t.out("S 0:0(0)");
  t.in("R. 0:0(0) ack 1");
  CHECK(t.connect_result() == -ECONNREFUSED);
  CHECK(t.connect() == -EINPROGRESS);
  t.out("S 0:0(0)");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1");
  CHECK(t.connect_result() == 0);
}
