// For tests: what a proxy does to a worker's stack, in its smallest form. Every connection of a mesh pod is accepted
// and gets back what it sends.
#pragma once

#include <unordered_map>

#include "dataplane/net/stack.h"
#include "dataplane/worker/engine.h"

namespace weft {

class EchoApplication final : public worker::Application {
 public:
  explicit EchoApplication(net::Stack& stack) : tcp_(stack.tcp()) {}

  bool run(Time now) override {
    net::TcpEvent event;
    bool worked = false;
    for (; tcp_.poll_event(&event); worked = true) on_event(now, event);
    return worked;
  }
  Time deadline() const override { return Time::never(); }
  std::uint64_t accepted = 0;

 private:
  void on_event(Time now, const net::TcpEvent& event) {
    switch (event.kind) {
      case net::TcpEventKind::kSyn:
        ++accepted;
        tcp_.accept_syn(now, event.id, 1);
        break;
      case net::TcpEventKind::kPeerClosed: closing_[event.id.index] = true; [[fallthrough]];
      case net::TcpEventKind::kReadable:
      case net::TcpEventKind::kWritable: echo(now, event.id); break;
      case net::TcpEventKind::kClosed:
        closing_.erase(event.id.index);
        tcp_.close(now, event.id);
        break;
      default: break;
    }
  }
  void echo(Time now, net::ConnectionId id) {
    while (tcp_.readable(id) > 0) {
      const std::size_t room = tcp_.send_space(id);
      if (room == 0) return;
      tcp_.send(now, id, tcp_.receive(now, id, room));
    }
    if (closing_.contains(id.index)) tcp_.shutdown_send(now, id);
  }
  net::TcpEngine& tcp_;
  std::unordered_map<std::uint32_t, bool> closing_;
};

}  // namespace weft
