// The sockets that DPDK's af_packet driver keeps to itself.
#pragma once

#include <vector>

#include "dataplane/nic/file_descriptor.h"

namespace weft::nic {

// Duplicates of this process's AF_PACKET ring sockets that are bound to an interface, in the order of their creation,
// which is the order of the driver's queues.
//
// The driver offers no receive interrupt, but a ring socket is readable exactly while the newest frame of its ring is
// not yet consumed (packet(7), poll), so epoll on it is one: level-triggered, without a system call to arm or to drain,
// and without a second socket that would be given a copy of every frame.
std::vector<FileDescriptor> packet_sockets(unsigned interface_index);

}  // namespace weft::nic
