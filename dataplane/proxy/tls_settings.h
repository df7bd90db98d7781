// From what a configuration says about TLS to what a session is made with.
#pragma once

<<<<<<< HEAD
#include <string>
#include <string_view>
=======
#include <memory>
#include <vector>
>>>>>>> sim

#include "crypto/handshake.h"
#include "mesh/tls_settings.h"

namespace weft::proxy {

crypto::TlsSettings settings_of(const mesh::DownstreamTls& tls);
crypto::TlsSettings settings_of(const mesh::UpstreamTls& tls);

// True when every matcher is one that the handshake itself can judge; else the caller judges the peer afterwards.
bool judged_by_handshake(const mesh::TlsCommon& tls);
// Does a verified peer carry a name that is wanted? No matchers: yes.
<<<<<<< HEAD
bool peer_matches(const mesh::TlsCommon& tls, const crypto::PeerCertificate& peer);
// The detail of an end for a server that does not match.
std::string unexpected_server(std::string_view uri_san);
=======
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
>>>>>>> sim

}  // namespace weft::proxy
