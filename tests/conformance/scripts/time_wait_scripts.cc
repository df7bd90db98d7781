// TIME-WAIT: RFC 9293 3.6.1 and 3.10.7.4; RFC 1337; RFC 6191.
#include <netinet/in.h>

#include "tests/conformance/scripts/script.h"

namespace {

// To TIME-WAIT with timestamps: the peer's latest is 200.
void to_time_wait_with_timestamps(script::Script& t) {
  t.accept_peer(",sackOK,TS val 100 ecr 0");
  t.close();
  t.out("F. 1:1(0) ack 1");
  t.in("F. 1:1(0) ack 2 win 65535 <nop,nop,TS val 200>");
  t.out(". 2:2(0) ack 2");
}

}  // namespace

SCRIPT(FinThatComesAgainRestartsTimeWait) {
  t.accept_peer();
  t.to_time_wait();
  t.silent_for(40'000);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.silent_for(40'000);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.silent_for(60'001);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");
}

SCRIPT(PlainAckInTimeWaitNeedsNoAnswer) {
  t.accept_peer();
  t.to_time_wait();
  t.in(". 2:2(0) ack 2 win 65535");
  t.silent_for(100);
}

SCRIPT(TextInTimeWaitIsAnsweredAndDropped) {
  t.accept_peer();
  t.to_time_wait();
  t.in("P. 2:12(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
  t.in("P. 100000:100010(10) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(AnyResetInTimeWaitIsIgnored) {  // RFC 1337, F1
  t.accept_peer();
  t.to_time_wait();
  t.in("R 2:2(0)");
  t.in("R. 2:2(0) ack 2");
  t.in("R 1000:1000(0)");
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(OldSynInTimeWaitIsAnsweredByAnAck) {
  t.accept_peer();
  t.to_time_wait();
  t.in("S 0:0(0) win 65535 <mss 1000>");
  t.out(". 2:2(0) ack 2");
  t.in("S. 1000:1000(0) ack 2 win 65535 <mss 1000>");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(NewIncarnationBeginsAboveTheOldOne) {
  t.accept_peer();
  const std::uint32_t before = t.isn();
  t.to_time_wait();
  t.in("S 1000:1000(0) win 65535 <mss 1000>");
  t.out("S. 0:0(0) ack 1001");
  CHECK(t.isn() - before > 2 && t.isn() - before < 0x7fffffff);
}

SCRIPT(NewerTimestampTakesATupleOutOfTimeWait) {  // RFC 6191, 2: also with a lower number
  to_time_wait_with_timestamps(t);
  t.in("S 0:0(0) win 65535 <mss 1000,sackOK,TS val 201 ecr 0>");
  t.out("S. 0:0(0) ack 1 <mss,sackOK,TS ecr 201>");
}

SCRIPT(OlderTimestampDoesNotTakeATupleOutOfTimeWait) {  // RFC 6191, 2: whatever the number
  to_time_wait_with_timestamps(t);
  t.in("S 1000:1000(0) win 65535 <mss 1000,sackOK,TS val 199 ecr 0>");
  t.out(". 2:2(0) ack 2 <nop,nop,TS ecr 200>");
}

SCRIPT(EqualTimestampNeedsAHigherNumber) {  // RFC 6191, 2
  to_time_wait_with_timestamps(t);
  t.in("S 0:0(0) win 65535 <mss 1000,sackOK,TS val 200 ecr 0>");
  t.out(". 2:2(0) ack 2");
  t.in("S 1000:1000(0) win 65535 <mss 1000,sackOK,TS val 200 ecr 0>");
  t.out("S. 0:0(0) ack 1001");
}

SCRIPT(AckOfTimeWaitCarriesATimestamp) {
  to_time_wait_with_timestamps(t);
  const std::uint32_t before = t.stamp();
  t.silent_for(1'000);
  t.in("F. 1:1(0) ack 2 win 65535 <nop,nop,TS val 300>");
  t.out(". 2:2(0) ack 2 <nop,nop,TS>");
  CHECK(t.stamp() - before >= 999 && t.stamp() - before <= 1001);
}

SCRIPT(SimultaneousCloseWaitsTwoSegmentLifetimesToo) {
  t.accept_peer();
  t.to_closing();
  t.in(". 2:2(0) ack 2 win 65535");
  t.silent_for(59'900);
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out(". 2:2(0) ack 2");
}

SCRIPT(WhoClosesSecondDoesNotWait) {  // LAST-ACK to CLOSED
  t.accept_peer();
  t.to_last_ack();
  t.in(". 2:2(0) ack 2 win 65535");
  t.in("F. 1:1(0) ack 2 win 65535");
  t.out("R 2:2(0)");
}

SCRIPT(AbortInTimeWaitSaysNothing) {  // 3.10.5
  t.accept_peer();
  t.to_time_wait();
  t.set_linger(true, 0);
  CHECK(t.close() == 0);
  t.silent_for(1'000);
}
