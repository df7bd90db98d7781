// The settings that scripts name: ordinary options of the engine and its interface.
#pragma once

#include <string_view>

#include "tests/conformance/pod_stack.h"

namespace weft::conformance {

// For connections opened from now on:
//   sack, rfc7323    0 | 1      rfc7323: timestamps and window scale
//   ecn              0 | 1 | 2  never, always, when the peer asks: as Linux's tcp_ecn
//   mtu              bytes      of the interface
//   rwnd             bytes      the receive window, first and largest
//   wscale           0 .. 14    the shift that our SYN offers
//   sndbuf           bytes      SO_SNDBUF of sockets that do not set it
//   cc               cubic | reno | newreno
// False: an unknown key, or a value that it cannot have; nothing has changed.
bool configure(PodStack& stack, std::string_view key, std::string_view value);

}  // namespace weft::conformance
