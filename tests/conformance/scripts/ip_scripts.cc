// What comes in datagrams that are cut, spoiled or adorned: RFC 791, 815, 1122 3.2 and 3.3.2; RFC 8200 4; RFC 5722.
#include <netinet/in.h>

#include "tests/conformance/scripts/script.h"

namespace {

constexpr const char* kText = "P. 1:1001(1000) ack 1 win 65535";

void is_taken(script::Script& t) {
  t.out(". 1:1(0) ack 1001");
  CHECK(t.recv(5000) == 1000);
}

void is_refused(script::Script& t) {
  t.silent_for(100);
  CHECK(t.recv(5000) == -EAGAIN);
}

bool v4(script::Script& t) { return t.family() == AF_INET; }

// A header of 8 bytes with a padding option.
constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kDestination = 60;
script::Bytes padding() { return {0, 0, 1, 4, 0, 0, 0, 0}; }

// With another byte in the TCP header, whose checksum is made to hold again.
void in_with_header_byte(script::Script& t, std::size_t at, std::uint8_t value) {
  script::Bytes datagram = t.datagram(kText);
  const std::size_t tcp = v4(t) ? 20 : 40;
  const std::uint32_t before = datagram[tcp + at], pair = at % 2 == 0 ? 256 : 1;
  std::uint32_t sum = static_cast<std::uint32_t>(datagram[tcp + 16] << 8 | datagram[tcp + 17]);
  sum = (~sum & 0xffff) + (0xffff ^ (before * pair)) + value * pair;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  datagram[tcp + at] = value;
  datagram[tcp + 16] = static_cast<std::uint8_t>(~sum >> 8);
  datagram[tcp + 17] = static_cast<std::uint8_t>(~sum);
  t.in_bytes(datagram);
}

}  // namespace

// ---- fragments

SCRIPT(FragmentsInAnyOrderAreWhole) {
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 800, 2000));
  t.in_bytes(t.fragment(kText, 0, 400));
  t.in_bytes(t.fragment(kText, 400, 800));
  is_taken(t);
}

SCRIPT(FragmentsBackwardsAreWhole) {
  t.accept_peer();
  for (std::size_t at = 1000; at > 0; at -= 200) t.in_bytes(t.fragment(kText, at, at + 200));
  t.in_bytes(t.fragment(kText, 0, 200));
  is_taken(t);
}

SCRIPT(FragmentThatComesTwiceIsHarmless) {
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 400));
  t.in_bytes(t.fragment(kText, 0, 400));
  t.in_bytes(t.fragment(kText, 400, 2000));
  is_taken(t);
}

SCRIPT(FragmentsThatOverlapAreRefused) {  // RFC 5722, and the same for IPv4
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 400));
  t.in_bytes(t.fragment(kText, 320, 800));
  t.in_bytes(t.fragment(kText, 400, 800));
  t.in_bytes(t.fragment(kText, 800, 2000));
  is_refused(t);
}

SCRIPT(FragmentInsideAnotherIsRefused) {
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 800));
  t.in_bytes(t.fragment(kText, 160, 320));
  t.in_bytes(t.fragment(kText, 800, 2000));
  is_refused(t);
}

SCRIPT(FragmentBeyondTheLastIsRefused) {
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 800, 2000));
  const std::string longer = "P. 1:1401(1400) ack 1 win 65535";
  t.in_bytes(t.fragment(longer, 1200, 1400));
  t.in_bytes(t.fragment(kText, 0, 800));
  is_refused(t);
}

SCRIPT(DatagramWithAHoleIsNeverWhole) {
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 400));
  t.in_bytes(t.fragment(kText, 800, 2000));
  is_refused(t);
}

SCRIPT(FragmentsAreForgottenAfterHalfAMinute) {
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 400, 2000));
  t.silent_for(30'001);
  t.in_bytes(t.fragment(kText, 0, 400));
  is_refused(t);
}

SCRIPT(FirstFragmentWithoutTheWholeHeaderIsRefused) {  // RFC 3128; RFC 7112
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 16));
  t.in_bytes(t.fragment(kText, 16, 2000));
  is_refused(t);
}

SCRIPT(FragmentOfAnOddSizeIsRefused) {  // all but the last are multiples of 8
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 404));
  t.in_bytes(t.fragment(kText, 400, 2000));
  is_refused(t);
}

SCRIPT(FragmentThatIsTheWholeIsTaken) {  // RFC 6946: an atomic fragment
  t.accept_peer();
  t.in_bytes(t.fragment(kText, 0, 5000));
  is_taken(t);
}

// ---- IPv4 headers

SCRIPT(Ipv4ChecksumIsChecked) {  // RFC 1122, 3.2.1.2
  if (!v4(t)) return;
  t.accept_peer();
  script::Bytes datagram = t.datagram(kText);
  datagram[10] ^= 1;
  t.in_bytes(datagram);
  is_refused(t);
}

SCRIPT(Ipv4OptionsArePassedOver) {  // RFC 1122, 3.2.1.8
  if (!v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_ip_options(t.datagram(kText), {1, 1, 7, 6, 4, 0, 0, 0}));
  is_taken(t);
}

SCRIPT(Ipv4SourceRouteIsRefused) {  // RFC 6274, 3.13.2.3
  if (!v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_ip_options(t.datagram(kText), {131, 7, 4, 203, 0, 113, 1, 0}));
  is_refused(t);
}

SCRIPT(Ipv4OptionWithAnImpossibleLengthIsRefused) {
  if (!v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_ip_options(t.datagram(kText), {7, 0, 0, 0}));
  t.in_bytes(script::with_ip_options(t.datagram(kText), {7, 90, 0, 0}));
  is_refused(t);
}

// ---- IPv6 extension headers

SCRIPT(HopByHopOptionsArePassedOver) {
  if (v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_extension(t.datagram(kText), kHopByHop, padding()));
  is_taken(t);
}

SCRIPT(DestinationOptionsArePassedOver) {
  if (v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_extension(t.datagram(kText), kDestination, padding()));
  is_taken(t);
}

SCRIPT(ExtensionHeadersMayFollowEachOther) {
  if (v4(t)) return;
  t.accept_peer();
  const script::Bytes inner = script::with_extension(t.datagram(kText), kDestination, padding());
  t.in_bytes(script::with_extension(inner, kHopByHop, padding()));
  is_taken(t);
}

SCRIPT(HopByHopOptionsElsewhereAreRefused) {  // RFC 8200, 4.1
  if (v4(t)) return;
  t.accept_peer();
  const script::Bytes inner = script::with_extension(t.datagram(kText), kHopByHop, padding());
  t.in_bytes(script::with_extension(inner, kDestination, padding()));
  is_refused(t);
}

SCRIPT(RoutingHeaderWithNothingLeftIsPassedOver) {  // RFC 8200, 4.4
  if (v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_extension(t.datagram(kText), kRouting, {0, 0, 0, 0, 0, 0, 0, 0}));
  is_taken(t);
}

SCRIPT(RoutingHeaderWithSomethingLeftIsRefused) {  // RFC 5095
  if (v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_extension(t.datagram(kText), kRouting, {0, 0, 0, 1, 0, 0, 0, 0}));
  is_refused(t);
}

SCRIPT(ExtensionHeaderBeyondTheDatagramIsRefused) {
  if (v4(t)) return;
  t.accept_peer();
  t.in_bytes(script::with_extension(t.datagram(kText), kDestination, {0, 255, 1, 4, 0, 0, 0, 0}));
  is_refused(t);
}

// ---- lengths

SCRIPT(BytesBehindTheDatagramAreIgnored) {  // Ethernet pads
  t.accept_peer();
  script::Bytes datagram = t.datagram(kText);
  datagram.insert(datagram.end(), 30, 0xee);
  t.in_bytes(datagram);
  is_taken(t);
}

SCRIPT(DatagramThatIsCutOffIsRefused) {
  t.accept_peer();
  const script::Bytes whole = t.datagram(kText);
  for (std::size_t size : {1u, 10u, 19u, 20u, 30u, 45u, 59u, 500u}) {
    t.in_bytes({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  is_refused(t);
}

SCRIPT(HeaderLengthBelowTheLeastIsRefused) {  // RFC 9293, 3.1: data offset
  t.accept_peer();
  in_with_header_byte(t, 12, 0x40);
  in_with_header_byte(t, 12, 0x00);
  is_refused(t);
}

SCRIPT(HeaderLengthBeyondTheDatagramIsRefused) {
  t.accept_peer();
  script::Bytes datagram = t.datagram(". 1:1(0) ack 1 win 65535");
  datagram[(v4(t) ? 20 : 40) + 12] = 0xf0;
  t.in_bytes(datagram);
  is_refused(t);
}

SCRIPT(ReservedBitsAreIgnored) {  // RFC 9293, 3.1: "must be ignored in received segments"
  t.accept_peer();
  in_with_header_byte(t, 12, 0x5e);
  is_taken(t);
}

SCRIPT(SegmentWithoutAnyFlagIsDropped) {
  t.accept_peer();
  in_with_header_byte(t, 13, 0);
  is_refused(t);
}

// ---- urgent text (RFC 9293, 3.8.5; RFC 6093: stays in line)

SCRIPT(UrgentPointerBeyondTheSegmentIsHarmless) {
  t.accept_peer();
  t.in("PU. 1:11(10) ack 1 win 65535 urg 60000");
  t.out(". 1:1(0) ack 11");
  CHECK(t.recv(100) == 10);
}

SCRIPT(UrgentPointerWithoutTextIsHarmless) {
  t.accept_peer();
  t.in("U. 1:1(0) ack 1 win 65535 urg 1");
  t.in("P. 1:11(10) ack 1 win 65535");
  t.out(". 1:1(0) ack 11");
}
