// What a filter chain or a cluster says about TLS. Certificates and keys are not here: `certificate` and `validation`
// are always the pod's own SPIFFE credentials (SDS names `default` and `ROOTCA`); anything else is NACKed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mesh/string_matcher.h"

namespace weft::mesh {

enum class TlsVersion : std::uint8_t { kTls12, kTls13 };

// Which subject alternative names the text is compared with. kAny is Envoy's older `match_subject_alt_names`.
enum class SanType : std::uint8_t { kAny, kUri, kDns, kIp, kEmail };

struct SanMatcher {
  SanType type = SanType::kUri;
  StringMatcher matcher;
};

// One of `matchers` matches one of the names, or there are none. kAny and kUri: URIs; kAny and kDns: DNS names.
bool san_matches(std::span<const SanMatcher> matchers, std::span<const std::string_view> uri_sans,
                 std::span<const std::string_view> dns_sans);

struct TlsCommon {
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  // In order of preference; `istio-peer-exchange` is left out (its preamble is a protocol of its own). Empty: no ALPN.
  std::vector<std::string> alpn;
  // One must match one SAN of the peer; empty: the trust bundle alone decides.
  std::vector<SanMatcher> san_matchers;
  // OpenSSL names, for TLS 1.2 only. Empty: the library's choice.
  std::vector<std::string> cipher_suites;
};

struct DownstreamTls : TlsCommon {
  bool require_client_certificate = false;
  bool tickets = true;  // sessions may be resumed
};

struct UpstreamTls : TlsCommon {
  std::string sni;      // empty: none is sent
  bool resume = true;   // an earlier session may be resumed
};

}  // namespace weft::mesh
