#include "crypto/jwt.h"

#include <algorithm>

#include "crypto/jwt_support.h"

namespace weft::crypto {

using namespace detail;
using nlohmann::json;
using std::unexpected;

namespace {

// RFC 7518 section 3.4: r and s side by side; X9.62 has them in DER.
std::optional<std::string> der_from_jws(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return std::nullopt;
  std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>> pair(ECDSA_SIG_new());
  ECDSA_SIG_set0(pair.get(), number_of(signature.substr(0, kCoordinate)).release(),
                 number_of(signature.substr(kCoordinate)).release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return std::nullopt;
  std::string bytes(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::optional<std::string> jws_from_der(std::string_view der) {
  const auto* p = reinterpret_cast<const unsigned char*>(der.data());
  std::unique_ptr<ECDSA_SIG, FreeWith<ECDSA_SIG_free>> pair(
      d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size())));
  if (!pair) return std::nullopt;
  return bytes_of(ECDSA_SIG_get0_r(pair.get()), kCoordinate) + bytes_of(ECDSA_SIG_get0_s(pair.get()), kCoordinate);
}

bool signature_fits(EVP_PKEY* key, Algorithm algorithm, std::string_view message, std::string_view signature) {
  std::string der(signature);
  if (algorithm == Algorithm::kEs256) {
    auto converted = der_from_jws(signature);
    if (!converted) return false;
    der = std::move(*converted);
  }
  DigestContextPtr context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der.data()), der.size(),
                       reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  return good;
}

bool read_time(const json& claims, const char* name, std::optional<std::int64_t>& to) {
  const auto found = claims.find(name);
  if (found == claims.end()) return true;
  if (!found->is_number()) return false;
  // NumericDate may carry a fraction (RFC 7519 section 2); beyond these bounds a double does not convert.
  const double value = found->get<double>();
  if (!(value >= -1e15 && value <= 1e15)) return false;
  to = static_cast<std::int64_t>(value);
  return true;
}

bool read_audiences(const json& claims, std::vector<std::string>& to) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return true;
  if (found->is_string()) {
    to.push_back(found->get<std::string>());
    return true;
  }
  if (!found->is_array()) return false;
  for (const json& one : *found) {
    if (!one.is_string()) return false;
    to.push_back(one.get<std::string>());
  }
  return true;
}

bool read_text(const json& claims, const char* name, std::string& to) {
  const auto found = claims.find(name);
  if (found == claims.end()) return true;
  if (!found->is_string()) return false;
  to = found->get<std::string>();
  return true;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

JwtError error(JwtFailure failure, const std::string& detail) {
  return {failure, std::string(to_string(failure)) + (detail.empty() ? "" : ": " + detail)};
}

struct CompactJws {
  json header;
  std::string_view signed_part;
  std::string payload, signature;
};

std::expected<CompactJws, JwtError> split(std::string_view token) {
  const auto malformed = [](const char* why) { return unexpected(error(JwtFailure::kMalformed, why)); };
  if (token.size() > 64 * 1024) return malformed("longer than 64 KB");
  const std::size_t first = token.find('.');
  const std::size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return malformed("not three parts");
  const auto header = base64url_decode(token.substr(0, first));
  auto payload = base64url_decode(token.substr(first + 1, second - first - 1));
  auto signature = base64url_decode(token.substr(second + 1));
  if (!header || !payload || !signature) return malformed("a part is not base64url");
  json parsed = parse_object(*header);
  if (!parsed.is_object()) return malformed("header is not a JSON object");
  if (parsed.contains("crit")) return malformed("header has critical extensions");
  return CompactJws{std::move(parsed), token.substr(0, second), std::move(*payload), std::move(*signature)};
}

// With a "kid" only that key; without one every key of the right kind.
std::expected<void, JwtError> check_signature(const CompactJws& jws, const JwtKeySet& keys) {
  const std::string algorithm = text_of(jws.header, "alg").value_or("");
  if (algorithm != "ES256" && algorithm != "RS256") {
    return unexpected(error(JwtFailure::kUnsupportedAlgorithm, algorithm.empty() ? "none given" : algorithm));
  }
  const std::optional<std::string> key_id = text_of(jws.header, "kid");
  bool tried = false;
  for (const auto& entry : keys.entries()) {
    if (key_id && entry.key_id != *key_id) continue;
    const auto kind = algorithm_of(entry.key.native());
    if (!kind || name_of(*kind) != algorithm) continue;
    tried = true;
    if (signature_fits(entry.key.native(), *kind, jws.signed_part, jws.signature)) return {};
  }
  if (tried) return unexpected(error(JwtFailure::kBadSignature, key_id ? "key " + *key_id : ""));
  return unexpected(error(JwtFailure::kUnknownKey, key_id ? *key_id : "no " + algorithm + " key is known"));
}

std::expected<void, JwtError> check_claims(const JwtClaims& claims, const JwtExpectations& expected) {
  if (!claims.expires) return unexpected(error(JwtFailure::kMalformed, "no exp claim"));
  const std::int64_t now = expected.unix_seconds;
  if (now >= *claims.expires + expected.leeway_seconds) {
    return unexpected(error(JwtFailure::kExpired, std::to_string(now - *claims.expires) + " seconds ago"));
  }
  if (claims.not_before && now < *claims.not_before - expected.leeway_seconds) {
    return unexpected(
        error(JwtFailure::kNotYetValid, "for another " + std::to_string(*claims.not_before - now) + " seconds"));
  }
  if (!expected.issuer.empty() && claims.issuer != expected.issuer) {
    return unexpected(error(JwtFailure::kWrongIssuer, claims.issuer + ", expected " + expected.issuer));
  }
  const auto wanted = [&expected](const std::string& audience) {
    return std::find(expected.audiences.begin(), expected.audiences.end(), audience) != expected.audiences.end();
  };
  if (!expected.audiences.empty() && std::none_of(claims.audiences.begin(), claims.audiences.end(), wanted)) {
    return unexpected(error(JwtFailure::kWrongAudience, "[" + joined(claims.audiences) + "], expected one of [" +
                                                            joined(expected.audiences) + "]"));
  }
  return {};
}

}  // namespace

std::string_view to_string(JwtFailure failure) {
  static constexpr std::string_view kTexts[] = {
#define X(name, text) text,
      WEFT_JWT_FAILURES(X)
#undef X
  };
  return kTexts[static_cast<std::size_t>(failure)];
}

std::expected<JwtClaims, std::string> JwtClaims::parse(std::string_view text) {
  const nlohmann::json object = parse_object(text);
  if (!object.is_object()) return unexpected("claims are not a JSON object");
  JwtClaims claims;
  claims.json = std::string(text);
  if (!read_text(object, "iss", claims.issuer)) return unexpected("iss is not text");
  if (!read_text(object, "sub", claims.subject)) return unexpected("sub is not text");
  if (!read_audiences(object, claims.audiences)) return unexpected("aud is neither text nor a list of text");
  if (!read_time(object, "exp", claims.expires)) return unexpected("exp is not a time");
  if (!read_time(object, "nbf", claims.not_before)) return unexpected("nbf is not a time");
  if (!read_time(object, "iat", claims.issued_at)) return unexpected("iat is not a time");
  return claims;
}

std::optional<std::string> JwtClaims::text(std::initializer_list<std::string_view> path) const {
  nlohmann::json at = parse_object(json);
  for (const std::string_view name : path) {
    if (!at.is_object()) return std::nullopt;
    const auto found = at.find(std::string(name));
    if (found == at.end()) return std::nullopt;
    nlohmann::json next = *found;
    at = std::move(next);
  }
  if (!at.is_string()) return std::nullopt;
  return at.get<std::string>();
}

std::expected<JwtClaims, JwtError> verify_jwt(std::string_view token, const JwtKeySet& keys,
                                              const JwtExpectations& expected) {
  const auto jws = split(token);
  if (!jws) return unexpected(jws.error());
  if (auto fits = check_signature(*jws, keys); !fits) return unexpected(fits.error());
  auto claims = JwtClaims::parse(jws->payload);
  if (!claims) return unexpected(error(JwtFailure::kMalformed, claims.error()));
  if (auto fits = check_claims(*claims, expected); !fits) return unexpected(fits.error());
  return std::move(*claims);
}

std::expected<std::string, std::string> sign_jwt(const PrivateKey& key, std::string_view key_id,
                                                 std::string_view claims_json) {
  const auto algorithm = algorithm_of(key.native());
  if (!algorithm) return unexpected("only RSA and P-256 keys can sign a token");
  if (!parse_object(claims_json).is_object()) return unexpected("claims are not a JSON object");
  json header = {{"alg", name_of(*algorithm)}, {"typ", "JWT"}};
  if (!key_id.empty()) header["kid"] = key_id;
  std::string token = base64url_encode(as_bytes(header.dump())) + '.' + base64url_encode(as_bytes(claims_json));
  DigestContextPtr context(EVP_MD_CTX_new());
  std::string signature(1024, '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.native()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(token.data()), token.size()) != 1) {
    return unexpected("cannot sign: " + take_error());
  }
  signature.resize(size);
  if (*algorithm == Algorithm::kEs256) signature = jws_from_der(signature).value_or("");
  return token + '.' + base64url_encode(as_bytes(signature));
}

}  // namespace weft::crypto
