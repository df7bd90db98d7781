// From what a configuration says about TLS to what a session is made with.
#pragma once

#include <memory>
#include <vector>

#include "base/ip_address.h"
#include "crypto/handshake.h"
#include "mesh/tls_settings.h"

namespace weft::proxy {

crypto::TlsSettings settings_of(const mesh::DownstreamTls& tls);
crypto::TlsSettings settings_of(const mesh::UpstreamTls& tls, const Endpoint& server);

// Does a verified peer carry a name that is wanted? No matchers: yes.
bool peer_matches(const std::vector<mesh::SanMatcher>& wanted, const crypto::PeerCertificate& peer);

// What the handshake cannot judge (regular expressions, DNS names, ignored case) and the proxy must, when it is done.
class ExpectedPeer {
 public:
  // nullptr: the handshake judges all of it.
  static std::unique_ptr<const ExpectedPeer> left_by_handshake(const mesh::TlsCommon& tls);
  bool matches(const crypto::PeerCertificate& peer) const { return peer_matches(wanted_, peer); }

 private:
  explicit ExpectedPeer(std::vector<mesh::SanMatcher> wanted) : wanted_(std::move(wanted)) {}
  std::vector<mesh::SanMatcher> wanted_;
};

}  // namespace weft::proxy
