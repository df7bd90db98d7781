// The engine of a real worker: the packet layer with an application on it.
#pragma once

#include <algorithm>

#include "dataplane/net/stack.h"
#include "dataplane/worker/engine.h"

namespace weft::worker {

// Owns neither. One thread.
class StackEngine final : public Engine {
 public:
  StackEngine(net::Stack& stack, Application& application) : stack_(stack), application_(application) {}

  void receive(Time now, std::span<Packet> frames) override { stack_.receive(now, frames); }
  bool poll_handover(unsigned* worker, Packet* frame) override { return stack_.poll_handover(worker, frame); }
  void receive_handover(Time now, Packet&& frame) override { stack_.receive_handover(now, std::move(frame)); }
  bool run(Time now) override {
    if (stack_.deadline() <= now) stack_.on_timer(now);
    return application_.run(now);
  }
  bool poll_frame(Time now, Packet* frame) override { return stack_.poll_frame(now, frame); }
  Time deadline() const override { return std::min(stack_.deadline(), application_.deadline()); }

 private:
  net::Stack& stack_;
  Application& application_;
};

}  // namespace weft::worker
