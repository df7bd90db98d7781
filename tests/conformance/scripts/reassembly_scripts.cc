// Text out of order: RFC 9293 3.10.7.4, seventh; RFC 2018; RFC 5681 4.2.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>

#include "tests/conformance/scripts/script.h"

namespace {

constexpr const char* kSack = ",nop,nop,sackOK";

std::string range(int from, int to) {
  return std::to_string(from) + ":" + std::to_string(to) + "(" + std::to_string(to - from) + ")";
}

// Text [from, to), and the blocks that answer it while the hole at 1 is open.
void ahead(script::Script& t, int from, int to, const std::string& blocks) {
  t.in(". " + range(from, to) + " ack 1 win 65535");
  t.out(". 1:1(0) ack 1 <nop,nop,sack " + blocks + ">");
}

void fill(script::Script& t, int from, int to, int ack) {
  t.in(". " + range(from, to) + " ack 1 win 65535");
  t.out(". 1:1(0) ack " + std::to_string(ack) + " <>");
  CHECK(t.recv(100'000) == ack - 1);
}

}  // namespace

// ---- SACK blocks (RFC 2018, 4)

SCRIPT(NewestBlockComesFirst) {
  t.accept_peer(kSack);
  ahead(t, 1001, 2001, "1001:2001");
  ahead(t, 3001, 4001, "3001:4001 1001:2001");
  ahead(t, 5001, 6001, "5001:6001 3001:4001 1001:2001");
}

SCRIPT(BlocksAreFourAtMost) {
  t.accept_peer(kSack);
  ahead(t, 1001, 2001, "1001:2001");
  ahead(t, 3001, 4001, "3001:4001 1001:2001");
  ahead(t, 5001, 6001, "5001:6001 3001:4001 1001:2001");
  ahead(t, 7001, 8001, "7001:8001 5001:6001 3001:4001 1001:2001");
  ahead(t, 9001, 10001, "9001:10001 7001:8001 5001:6001 3001:4001");
}

SCRIPT(BlocksBesideTimestampsAreThreeAtMost) {
  t.accept_peer(",sackOK,TS val 100 ecr 0");
  for (int at = 1001; at < 6000; at += 2000) {
    t.in(". " + range(at, at + 900) + " ack 1 win 65535 <nop,nop,TS val 101>");
    t.out(". 1:1(0) ack 1");
  }
  t.in(". 7001:7901(900) ack 1 win 65535 <nop,nop,TS val 101>");
  t.out(". 1:1(0) ack 1 <nop,nop,TS ecr 100,nop,nop,sack 7001:7901 5001:5901 3001:3901>");
}

SCRIPT(BlockThatGrowsComesFirst) {
  t.accept_peer(kSack);
  ahead(t, 1001, 2001, "1001:2001");
  ahead(t, 5001, 6001, "5001:6001 1001:2001");
  ahead(t, 2001, 3001, "1001:3001 5001:6001");
}

SCRIPT(BlocksThatMeetBecomeOne) {
  t.accept_peer(kSack);
  ahead(t, 1001, 2001, "1001:2001");
  ahead(t, 3001, 4001, "3001:4001 1001:2001");
  ahead(t, 2001, 3001, "1001:4001");
  fill(t, 1, 1001, 4001);
}

SCRIPT(BlockWithTheSegmentThatCameAgainComesFirst) {  // RFC 2018, 4, behind the D-SACK block of RFC 2883, 4.2
  t.accept_peer(kSack);
  ahead(t, 1001, 2001, "1001:2001");
  ahead(t, 3001, 4001, "3001:4001 1001:2001");
  ahead(t, 1001, 2001, "1001:2001 1001:2001 3001:4001");
}

SCRIPT(BlocksBelowTheAcknowledgmentAreNotRepeated) {
  t.accept_peer(kSack);
  ahead(t, 1001, 2001, "1001:2001");
  ahead(t, 3001, 4001, "3001:4001 1001:2001");
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 2001 <nop,nop,sack 3001:4001>");
}

SCRIPT(WithoutSackAHoleIsAnsweredByDuplicates) {
  t.accept_peer();
  t.in(". 1001:2001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1 <>");
  t.in(". 2001:3001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1 <>");
  t.in(". 1:1001(1000) ack 1 win 65535");
  t.out(". 1:1(0) ack 3001 <>");
}

SCRIPT(OurOwnTextCarriesNoBlocksWhenNothingWaits) {
  t.accept_peer(kSack);
  ahead(t, 11, 21, "11:21");
  fill(t, 1, 11, 21);
  t.send(10);
  t.out("P. 1:11(10) ack 21 <>");
}

// ---- every kind of overlap

SCRIPT(OverlapOnTheLeft) {
  t.accept_peer(kSack);
  ahead(t, 501, 1001, "501:1001");
  ahead(t, 301, 701, "301:1001");
  fill(t, 1, 301, 1001);
}

SCRIPT(OverlapOnTheRight) {
  t.accept_peer(kSack);
  ahead(t, 501, 1001, "501:1001");
  ahead(t, 801, 1401, "501:1401");
  fill(t, 1, 501, 1401);
}

SCRIPT(SegmentInsideABlock) {
  t.accept_peer(kSack);
  ahead(t, 501, 1001, "501:1001");
  ahead(t, 601, 701, "601:701 501:1001");  // RFC 2883, 4.2
  fill(t, 1, 501, 1001);
}

SCRIPT(SegmentAroundABlock) {
  t.accept_peer(kSack);
  ahead(t, 501, 601, "501:601");
  ahead(t, 401, 1001, "401:1001");
  fill(t, 1, 401, 1001);
}

SCRIPT(SegmentAroundTwoBlocks) {
  t.accept_peer(kSack);
  ahead(t, 301, 401, "301:401");
  ahead(t, 501, 601, "501:601 301:401");
  ahead(t, 201, 1001, "201:1001");
  fill(t, 1, 201, 1001);
}

SCRIPT(SegmentThatJoinsTwoBlocksAndOverlapsBoth) {
  t.accept_peer(kSack);
  ahead(t, 301, 501, "301:501");
  ahead(t, 701, 901, "701:901 301:501");
  ahead(t, 401, 801, "301:901");
  fill(t, 1, 301, 901);
}

SCRIPT(SameLeftEdgeAndLonger) {
  t.accept_peer(kSack);
  ahead(t, 301, 401, "301:401");
  ahead(t, 301, 501, "301:501");
  fill(t, 1, 301, 501);
}

SCRIPT(SameRightEdgeAndLonger) {
  t.accept_peer(kSack);
  ahead(t, 401, 501, "401:501");
  ahead(t, 301, 501, "301:501");
  fill(t, 1, 301, 501);
}

SCRIPT(FillThatReachesIntoABlock) {
  t.accept_peer(kSack);
  ahead(t, 501, 1001, "501:1001");
  fill(t, 1, 701, 1001);
}

SCRIPT(FillThatReachesBeyondABlock) {
  t.accept_peer(kSack);
  ahead(t, 501, 601, "501:601");
  fill(t, 1, 1001, 1001);
}

SCRIPT(FillOfTheFirstOfTwoHoles) {
  t.accept_peer(kSack);
  ahead(t, 101, 201, "101:201");
  ahead(t, 301, 401, "301:401 101:201");
  t.in(". 1:101(100) ack 1 win 65535");
  t.out(". 1:1(0) ack 201 <nop,nop,sack 301:401>");
  fill(t, 201, 301, 401);
}

// ---- edges

SCRIPT(FillIsAcknowledgedAtOnceAlsoWithDelayedAcks) {  // RFC 5681, 4.2
  t.accept_peer();
  t.set(IPPROTO_TCP, TCP_QUICKACK, 0);
  t.in("P. 11:21(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 21");
}

SCRIPT(TextAheadIsCutAtTheRightEdge) {
  t.configure("rwnd", "3000");
  t.accept_peer(kSack);
  t.in(". 2001:4001(2000) ack 1 win 65535");
  t.out(". 1:1(0) ack 1 win 3000 <nop,nop,sack 2001:3001>");
}

SCRIPT(TextWithFinBehindAHole) {
  t.accept_peer();
  t.in("FP. 11:21(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 1");
  CHECK(t.recv(10) == -EAGAIN);
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 22");
  CHECK(t.recv(100) == 20);
  CHECK(t.recv(100) == 0);
}

SCRIPT(FinBehindAHoleMayComeTwice) {
  t.accept_peer();
  for (int i = 0; i < 2; ++i) {
    t.in("F. 11:11(0) ack 1 win 65535");
    t.out(". 1:1(0) ack 1");
  }
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 12");
  t.in("F. 11:11(0) ack 1 win 65535");
  t.out(". 1:1(0) ack 12");
}

SCRIPT(FinBehindAHoleInFinWait2EndsInTimeWait) {
  t.accept_peer();
  t.to_fin_wait_2();
  t.in("F. 11:11(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 1");
  t.in("P. 1:11(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 12");
  t.in("F. 11:11(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 12");
}

SCRIPT(EveryOtherByteHasABound) {  // hostile: 700 holes, and the stream is whole in the end
  t.accept_peer();
  for (int at = 2; at < 1402; at += 2) {
    t.in(". " + range(at, at + 1) + " ack 1 win 65535");
    t.out(". 1:1(0) ack 1");
  }
  t.in(". 1:1402(1401) ack 1 win 65535");
  t.out(". 1:1(0) ack 1402");
  CHECK(t.recv(5000) == 1401);
}

SCRIPT(TextBehindAHoleLeavesRoomForTheHole) {  // it fills the whole window but for the first byte
  t.configure("rwnd", "20000");
  t.accept_peer();
  for (int at = 2; at < 20'000; at += 1000) {
    t.in(". " + range(at, std::min(at + 1000, 20'001)) + " ack 1 win 65535");
    t.out(". 1:1(0) ack 1");
  }
  t.in(". 1:2(1) ack 1 win 65535");
  t.out(". 1:1(0) ack 20001 win 0");
  CHECK(t.recv(30'000) == 20'000);
  t.out(". 1:1(0) ack 20001 win 20000");
}
