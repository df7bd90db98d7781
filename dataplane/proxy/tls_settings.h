// From what a configuration says about TLS to what a session is made with.
#pragma once

#include <string>
#include <string_view>

#include "crypto/handshake.h"
#include "mesh/tls_settings.h"

namespace weft::proxy {

crypto::TlsSettings settings_of(const mesh::DownstreamTls& tls);
crypto::TlsSettings settings_of(const mesh::UpstreamTls& tls);

// True when every matcher is one that the handshake itself can judge; else the caller judges the peer afterwards.
bool judged_by_handshake(const mesh::TlsCommon& tls);
// Does a verified peer carry a name that is wanted? No matchers: yes.
bool peer_matches(const mesh::TlsCommon& tls, const crypto::PeerCertificate& peer);
// The detail of an end for a server that does not match.
std::string unexpected_server(std::string_view uri_san);

}  // namespace weft::proxy
