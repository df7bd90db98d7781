#include "dataplane/proxy/tls_settings.h"

#include <algorithm>
#include <optional>

namespace weft::proxy {

namespace {

using Kind = mesh::StringMatcher::Kind;

std::optional<crypto::SanMatcher> san_matcher(const mesh::SanMatcher& san) {
  if (san.type != mesh::SanType::kUri && san.type != mesh::SanType::kAny) return std::nullopt;
  if (san.matcher.ignore_case()) return std::nullopt;
  using To = crypto::SanMatcher::Kind;
  switch (san.matcher.kind()) {
    case Kind::kExact: return crypto::SanMatcher{To::kExact, san.matcher.value()};
    case Kind::kPrefix: return crypto::SanMatcher{To::kPrefix, san.matcher.value()};
    case Kind::kSuffix: return crypto::SanMatcher{To::kSuffix, san.matcher.value()};
    case Kind::kContains: return crypto::SanMatcher{To::kContains, san.matcher.value()};
    case Kind::kRegex: break;
  }
  return std::nullopt;
}

// True when every matcher is one that the handshake itself can judge.
bool judged_by_handshake(const mesh::TlsCommon& tls) {
  return std::all_of(tls.san_matchers.begin(), tls.san_matchers.end(),
                     [](const mesh::SanMatcher& san) { return san_matcher(san).has_value(); });
}

crypto::TlsVersion version_of(mesh::TlsVersion version) {
  return version == mesh::TlsVersion::kTls12 ? crypto::TlsVersion::kTls12 : crypto::TlsVersion::kTls13;
}

crypto::TlsSettings common(const mesh::TlsCommon& tls) {
  crypto::TlsSettings settings;
  settings.alpn = tls.alpn;
  settings.min_version = version_of(tls.min_version);
  settings.max_version = version_of(tls.max_version);
  if (judged_by_handshake(tls)) {
    for (const mesh::SanMatcher& san : tls.san_matchers) settings.peer_sans.push_back(*san_matcher(san));
  }
  return settings;
}

}  // namespace

std::unique_ptr<const ExpectedPeer> ExpectedPeer::left_by_handshake(const mesh::TlsCommon& tls) {
  if (judged_by_handshake(tls)) return nullptr;
  return std::unique_ptr<const ExpectedPeer>(new ExpectedPeer(tls.san_matchers));
}

crypto::TlsSettings settings_of(const mesh::DownstreamTls& tls) {
  crypto::TlsSettings settings = common(tls);
  settings.require_client_certificate = tls.require_client_certificate;
  settings.session_tickets = tls.tickets;
  return settings;
}

crypto::TlsSettings settings_of(const mesh::UpstreamTls& tls, const Endpoint& server) {
  crypto::TlsSettings settings = common(tls);
  settings.sni = tls.sni;
  if (tls.resume) settings.resumption_key = server.to_string();
  return settings;
}

bool peer_matches(const std::vector<mesh::SanMatcher>& wanted, const crypto::PeerCertificate& peer) {
  if (wanted.empty()) return true;
  return std::any_of(wanted.begin(), wanted.end(), [&](const mesh::SanMatcher& san) {
    const bool uri = san.type == mesh::SanType::kUri || san.type == mesh::SanType::kAny;
    const bool dns = san.type == mesh::SanType::kDns || san.type == mesh::SanType::kAny;
    if (uri && san.matcher.matches(peer.uri_san)) return true;
    return dns && std::any_of(peer.dns_sans.begin(), peer.dns_sans.end(),
                              [&](const std::string& name) { return san.matcher.matches(name); });
  });
}

}  // namespace weft::proxy
