// What one worker's packet layer did: counters with their definition beside them. Drops are counted in DropLog.
#pragma once

#include <cstdint>

namespace weft::net {

#define WEFT_STACK_COUNTERS(X)                                                                \
  X(frames_in, "frames taken from devices")                                                   \
  X(frames_out, "frames given to devices")                                                    \
  X(handed_over, "frames given to the worker that owns their flow")                           \
  X(taken_over, "frames got from the worker that received them")                              \
  X(pulled_up, "packets whose headers had to be copied into one buffer")                      \
  X(outbound, "TCP packets from mesh pods that went to the TCP engine")                       \
  X(inbound, "TCP packets to mesh pods that went to the TCP engine")                          \
  X(host, "packets that passed between the node and a mesh pod beside the mesh")              \
  X(excluded, "packets of mesh pods' excluded ports that passed beside the mesh")             \
  X(forwarded, "packets routed from one interface to another, translated ones included")      \
  X(translated, "packets whose Service address was translated, either way")                   \
  X(nat_created, "translated flows begun")                                                    \
  X(nat_expired, "translated flows forgotten after silence")                                  \
  X(reassembled, "datagrams put together from fragments")                                     \
  X(fragmented, "datagrams cut into IP fragments for a smaller link")                         \
  X(segmented, "super-segments cut in software")                                              \
  X(checksummed, "checksums filled in by software")                                           \
  X(echo_replies, "echo requests answered")                                                   \
  X(icmp_errors_out, "ICMP errors sent")                                                      \
  X(icmp_errors_in, "ICMP errors that reached the flow they are about")                       \
  X(neighbor_requests, "ARP requests and neighbor solicitations sent")                        \
  X(neighbor_answers, "ARP requests and neighbor solicitations answered")

struct StackCounters {
#define X(name, sentence) std::uint64_t name = 0;
  WEFT_STACK_COUNTERS(X)
#undef X
};

}  // namespace weft::net
