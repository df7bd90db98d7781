// Timestamps and window scaling: RFC 7323.
#include <linux/tcp.h>
#include <netinet/in.h>

#include "tests/conformance/scripts/script.h"

namespace {

constexpr const char* kStamped = ",sackOK,TS val 100 ecr 0";

tcp_info info_of(script::Script& t) {
  tcp_info info{};
  socklen_t size = sizeof info;
  CHECK(t.stack().getsockopt(t.now(), t.socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0);
  return info;
}

}  // namespace

// ---- what we say (3.2, 4, 5.4)

SCRIPT(TimestampRisesWithEveryMillisecond) {
  t.connect();
  t.out("S 0:0(0) <mss,sackOK,TS ecr 0,nop,wscale>");
  const std::uint32_t first = t.stamp();
  t.out_after(1'000, "S 0:0(0) <mss,sackOK,TS ecr 0,nop,wscale>");
  CHECK(t.stamp() - first >= 999 && t.stamp() - first <= 1001);
}

SCRIPT(TimestampOfATupleDoesNotFallInItsNextIncarnation) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000,sackOK,TS val 1 ecr 0>");
  t.out("S. 0:0(0) ack 1 <mss,sackOK,TS ecr 1>");
  const std::uint32_t before = t.stamp();
  t.in("R 1:1(0)");
  t.silent_for(500);
  t.in("S 0:0(0) win 65535 <mss 1000,sackOK,TS val 2 ecr 0>");
  t.out("S. 0:0(0) ack 1 <mss,sackOK,TS ecr 2>");
  CHECK(t.stamp() - before >= 499 && t.stamp() - before <= 501);
}

SCRIPT(EverySegmentCarriesATimestampOnceAgreed) {  // 3.2, MUST
  t.accept_peer(kStamped);
  t.send(1500);
  t.out(". 1:989(988) ack 1 <nop,nop,TS ecr 100>");
  t.out("P. 989:1501(512) ack 1 <nop,nop,TS ecr 100>");
  t.in(". 1:1(0) ack 1501 win 65535 <nop,nop,TS val 101>");
  t.close();
  t.out("F. 1501:1501(0) ack 1 <nop,nop,TS ecr 101>");
}

SCRIPT(ResetCarriesATimestampOnceAgreed) {  // 3.2, SHOULD
  t.accept_peer(kStamped);
  t.set_linger(true, 0);
  t.close();
  t.out("R. 1:1(0) ack 1 <nop,nop,TS ecr 100>");
}

SCRIPT(TimestampsThatWereNotAgreedOnAreNotUsed) {
  t.accept_peer();
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 7>");
  t.out(". 1:1(0) ack 11 <>");
  CHECK(t.recv(100) == 10);
}

SCRIPT(TimestampsThatWereNotOfferedAreNotUsed) {
  t.configure("rfc7323", "0");
  t.connect();
  t.out("S 0:0(0) <mss,nop,nop,sackOK>");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 7,nop,wscale 7>");
  t.out(". 1:1(0) ack 1 <>");
  CHECK((info_of(t).tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_WSCALE)) == 0);
}

// ---- what we echo (4.3)

SCRIPT(EchoIsOfTheSegmentThatAdvancesTheWindow) {
  t.accept_peer(kStamped);
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 200>");
  t.out(". 1:1(0) ack 11 <nop,nop,TS ecr 200>");
  t.in("P. 11:21(10) ack 1 win 65535 <nop,nop,TS val 250>");
  t.out(". 1:1(0) ack 21 <nop,nop,TS ecr 250>");
}

SCRIPT(DelayedAckEchoesTheFirstSegmentOfTwo) {  // 4.3, (A)
  t.accept_peer(kStamped);
  t.set(IPPROTO_TCP, TCP_QUICKACK, 0);
  t.in(". 1:989(988) ack 1 win 65535 <nop,nop,TS val 200>");
  t.in(". 989:1977(988) ack 1 win 65535 <nop,nop,TS val 201>");
  t.out(". 1:1(0) ack 1977 <nop,nop,TS ecr 200>");
}

SCRIPT(EchoIsNotOfASegmentBehindAHole) {  // 4.3, (B) and (C)
  t.accept_peer(kStamped);
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 200>");
  t.out(". 1:1(0) ack 11 <nop,nop,TS ecr 200>");
  t.in("P. 21:31(10) ack 1 win 65535 <nop,nop,TS val 202>");
  t.out(". 1:1(0) ack 11 <nop,nop,TS ecr 200,nop,nop,sack 21:31>");
  t.in("P. 11:21(10) ack 1 win 65535 <nop,nop,TS val 201>");
  t.out(". 1:1(0) ack 31 <nop,nop,TS ecr 201>");
}

// ---- PAWS (5)

SCRIPT(EqualTimestampIsNotOld) {
  t.accept_peer(kStamped);
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 100>");
  t.out(". 1:1(0) ack 11");
}

SCRIPT(OldAckIsRefusedByItsTimestamp) {
  t.accept_peer(kStamped);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.in(". 1:1(0) ack 11 win 65535 <nop,nop,TS val 99>");
  t.out(". 11:11(0) ack 1");
  t.out_after(200, "P. 1:11(10) ack 1");
}

SCRIPT(OldFinIsRefusedByItsTimestamp) {
  t.accept_peer(kStamped);
  t.in("F. 1:1(0) ack 1 win 65535 <nop,nop,TS val 99>");
  t.out(". 1:1(0) ack 1 <nop,nop,TS ecr 100>");
  CHECK(t.recv(10) == -EAGAIN);
}

SCRIPT(ResetIsNotRefusedByItsTimestamp) {  // 5.2
  t.accept_peer(kStamped);
  t.in("R 1:1(0) <nop,nop,TS val 50>");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ECONNRESET);
}

SCRIPT(ResetNeedsNoTimestamp) {  // 3.2
  t.accept_peer(kStamped);
  t.in("R 1:1(0)");
  CHECK(t.get(SOL_SOCKET, SO_ERROR) == ECONNRESET);
}

SCRIPT(SegmentWithoutItsTimestampIsDropped) {  // 3.2
  t.accept_peer(kStamped);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.in("F. 1:1(0) ack 1 win 65535");
  t.silent_for(100);
  CHECK(t.recv(10) == -EAGAIN);
}

SCRIPT(TimestampsWrap) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000,sackOK,TS val 4294967290 ecr 0>");
  t.out("S. 0:0(0) ack 1 <mss,sackOK,TS ecr 4294967290>");
  t.in(". 1:1(0) ack 1 win 65535 <nop,nop,TS val 4294967295>");
  t.accept();
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 5>");
  t.out(". 1:1(0) ack 11 <nop,nop,TS ecr 5>");
}

SCRIPT(OldTimestampIsBelievedAfter24Days) {  // 5.5
  t.accept_peer(kStamped);
  t.silent_for(25LL * 24 * 3600 * 1000);
  t.in("P. 1:11(10) ack 1 win 65535 <nop,nop,TS val 99>");
  t.out(". 1:1(0) ack 11 <nop,nop,TS ecr 99>");
}

// ---- RTTM (4)

SCRIPT(EchoMeasuresARetransmittedSegment) {
  t.accept_peer(kStamped);
  t.send(10);
  t.out("P. 1:11(10) ack 1");
  t.out_after(200, "P. 1:11(10) ack 1");
  t.silent_for(100);
  t.in(". 1:1(0) ack 11 win 65535 <nop,nop,TS val 300>");  // 100 ms: the back-off ends
  t.send(10);
  t.out("P. 11:21(10) ack 1");
  t.out_after(200, "P. 11:21(10) ack 1");
}

// ---- window scale (2)

SCRIPT(ScaleOfABufferThatFits) {
  t.configure("rwnd", "65535");
  t.connect();
  t.out("S 0:0(0) win 65535 <mss,sackOK,TS,nop,wscale 0>");
}

SCRIPT(ScaleOfABufferThatDoesNotQuiteFit) {
  t.configure("rwnd", "65536");
  t.connect();
  t.out("S 0:0(0) win 65535 <mss,sackOK,TS,nop,wscale 1>");
}

SCRIPT(ScaleOfAMegabyte) {
  t.configure("rwnd", "1048576");
  t.connect();
  t.out("S 0:0(0) win 65535 <mss,sackOK,TS,nop,wscale 5>");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS val 1,nop,wscale 0>");
  t.out(". 1:1(0) ack 1 win 32768");
}

SCRIPT(ScaleIsNeverAboveFourteen) {  // 2.3
  t.configure("rwnd", "1073741824");
  t.connect();
  t.out("S 0:0(0) win 65535 <mss,sackOK,TS,nop,wscale 14>");
}

SCRIPT(ScaleAboveFourteenCountsAsFourteen) {  // 2.3, MUST
  t.accept_peer(",nop,wscale 15");
  CHECK(info_of(t).tcpi_snd_wscale == 14);
}

SCRIPT(WindowOfASynIsNeverScaled) {  // 2.2
  t.connect();
  t.out("S 0:0(0)");
  t.in("S. 0:0(0) ack 1 win 2 <mss 1000,nop,wscale 7>");
  t.out(". 1:1(0) ack 1");
  t.send(100);
  t.out(". 1:3(2) ack 1");
}

SCRIPT(WindowAfterASynIsScaled) {
  t.listen();
  t.in("S 0:0(0) win 65535 <mss 1000,nop,wscale 3>");
  t.out("S. 0:0(0) ack 1");
  t.in(". 1:1(0) ack 1 win 250");
  t.accept();
  t.send(5000);
  t.out(". 1:1001(1000) ack 1");
  t.out(". 1001:2001(1000) ack 1");
  t.silent_for(100);
}

SCRIPT(ScaleThatOnlyOneSideOffersIsNotUsed) {  // 2.2
  t.configure("rwnd", "100000");
  t.connect();
  t.out("S 0:0(0) win 65535 <mss,sackOK,TS,nop,wscale 1>");
  t.in("S. 0:0(0) ack 1 win 65535 <mss 1000>");
  t.out(". 1:1(0) ack 1 win 65535");
  CHECK((info_of(t).tcpi_options & TCPI_OPT_WSCALE) == 0);
}

SCRIPT(ScaleWithoutSynIsIgnored) {  // 2.2
  t.accept_peer(",nop,wscale 2");
  t.in(". 1:1(0) ack 1 win 65535 <nop,wscale 9>");
  CHECK(info_of(t).tcpi_snd_wscale == 2);
}
