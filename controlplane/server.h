// The control plane as one object: source, registry, pusher, CA, and the four ports.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "controlplane/bootstrap.h"

namespace weft::controlplane {

class Server {
 public:
  // Serves at once; streams are refused until the configuration is complete. Error: what is wrong and where.
  static std::expected<std::unique_ptr<Server>, std::string> start(const Bootstrap& bootstrap);
  ~Server();  // orderly: streams end with UNAVAILABLE, then everything stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What may change while it runs: certificate lifetimes. The rest needs a restart.
  void apply(const Bootstrap& bootstrap);

  Endpoint secure() const;      // as bound
  Endpoint plaintext() const;
  Endpoint monitoring() const;
  Endpoint ready() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::controlplane
