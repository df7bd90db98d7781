// What a worker turns over: the seam between the loop and the rooms below it.
#pragma once

#include <span>

#include "base/clock.h"
#include "base/packet.h"

namespace weft::worker {

// What sits on the stack and moves bytes between connections: the proxy, or an echo server in a test.
class Application {
 public:
  virtual ~Application() = default;
  // Handles all pending events of the stack, results of other threads, and timers that are due. True: it did something.
  virtual bool run(Time now) = 0;
  // When run() wants to be called next although nothing arrives.
  virtual Time deadline() const = 0;
};

// Packets in, packets out; sans-I/O, one per worker. Real one: StackEngine (net::Stack with an Application); tests have
// their own.
class Engine {
 public:
  virtual ~Engine() = default;
  // Ethernet frames of one burst, moved out; Packet.interface is where they came in.
  virtual void receive(Time now, std::span<Packet> frames) = 0;
  // The next frame that belongs to another worker.
  virtual bool poll_handover(unsigned* worker, Packet* frame) = 0;
  virtual void receive_handover(Time now, Packet&& frame) = 0;
  // Timers and the application; true: it did something.
  virtual bool run(Time now) = 0;
  // The next frame to transmit; Packet.interface is where it goes out.
  virtual bool poll_frame(Time now, Packet* frame) = 0;
  virtual Time deadline() const = 0;
};

}  // namespace weft::worker
