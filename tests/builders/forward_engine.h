// For tests: a router without ARP, routes of its own and policy. Frames go to the interface that has their destination.
#pragma once

#include <cstring>
#include <deque>
#include <map>

#include "base/ip_address.h"
#include "dataplane/net/mac_address.h"
#include "dataplane/worker/engine.h"

namespace weft::nic {

class ForwardEngine final : public worker::Engine {
 public:
  struct Neighbour {
    InterfaceId interface = kNoInterface;
    net::MacAddress mac;
  };
  explicit ForwardEngine(const net::MacAddress& own) : own_(own) {}
  void add(const IpAddress& address, const Neighbour& neighbour) { neighbours_[address] = neighbour; }

  void receive(Time, std::span<Packet> frames) override {
    for (Packet& frame : frames) forward(std::move(frame));
  }
  bool poll_handover(unsigned*, Packet*) override { return false; }
  void receive_handover(Time, Packet&& frame) override { forward(std::move(frame)); }
  bool run(Time) override { return false; }
  bool poll_frame(Time, Packet* frame) override {
    if (out_.empty()) return false;
    *frame = std::move(out_.front());
    out_.pop_front();
    return true;
  }
  Time deadline() const override { return Time::never(); }

 private:
  void forward(Packet&& frame) {
    std::uint8_t* header = frame.bytes.front().data();
    const std::uint16_t type = load_be16(header + 12);
    if (type != 0x0800 && type != 0x86dd) return frame.bytes.clear();
    const auto destination = type == 0x0800 ? IpAddress::v4(header + 14 + 16) : IpAddress::v6(header + 14 + 24);
    const auto it = neighbours_.find(destination);
    if (it == neighbours_.end()) return frame.bytes.clear();
    std::memcpy(header, it->second.mac.bytes.data(), 6);
    std::memcpy(header + 6, own_.bytes.data(), 6);
    frame.interface = it->second.interface;
    out_.push_back(std::move(frame));
  }

  const net::MacAddress own_;
  std::map<IpAddress, Neighbour> neighbours_;
  std::deque<Packet> out_;
};

}  // namespace weft::nic
