#include "crypto/jwt.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "crypto/openssl_support.h"

namespace weft::crypto {

using namespace detail;
using nlohmann::json;
using std::unexpected;

namespace {

enum class Algorithm { kEs256, kRs256 };
constexpr int kCoordinate = 32;  // bytes of r, s, x, y on P-256

std::optional<Algorithm> algorithm_of(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) return Algorithm::kRs256;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC || EVP_PKEY_get_bits(key) != 256) return std::nullopt;
  char group[32] = {};
  std::size_t size = 0;
  EVP_PKEY_get_group_name(key, group, sizeof group, &size);
  return std::string_view(group) == "prime256v1" ? std::optional(Algorithm::kEs256) : std::nullopt;
}

std::string_view name_of(Algorithm algorithm) { return algorithm == Algorithm::kEs256 ? "ES256" : "RS256"; }

std::string bytes_of(const BIGNUM* number, int size) {
  std::string bytes(static_cast<std::size_t>(size), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), size);
  return bytes;
}

BignumPtr number_of(std::string_view bytes) {
  return BignumPtr(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()),
                             nullptr));
}

BignumPtr parameter(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return BignumPtr(number);
}

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

std::optional<std::string> text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

EVP_PKEY* key_from_params(const char* kind, OSSL_PARAM_BLD* build) {
  OSSL_PARAM* params = OSSL_PARAM_BLD_to_param(build);
  KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) == 1) {
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params);
  }
  OSSL_PARAM_free(params);
  ERR_clear_error();
  return key;
}

// RFC 7518 section 6. nullptr: not a key that we use.
EVP_PKEY* key_from_jwk(const json& jwk) {
  const auto decoded = [&jwk](const char* name) {
    const auto text = text_of(jwk, name);
    return text ? base64url_decode(*text) : std::nullopt;
  };
  std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>> build(OSSL_PARAM_BLD_new());
  if (text_of(jwk, "kty") == "RSA") {
    const auto n = decoded("n"), e = decoded("e");
    if (!n || !e || n->size() < 256) return nullptr;  // RFC 7518 section 3.3: at least 2048 bits
    const BignumPtr modulus = number_of(*n), exponent = number_of(*e);
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    return key_from_params("RSA", build.get());
  }
  const auto x = decoded("x"), y = decoded("y");
  if (text_of(jwk, "kty") != "EC" || text_of(jwk, "crv") != "P-256" || !x || !y || x->size() != kCoordinate ||
      y->size() != kCoordinate) {
    return nullptr;
  }
  const std::string point = '\x04' + *x + *y;
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return key_from_params("EC", build.get());
}

// The required members, in the order of RFC 7638 (which json keeps: it sorts).
json jwk_of(EVP_PKEY* key, Algorithm algorithm) {
  const auto encoded = [key](const char* name, int size) {
    const BignumPtr number = parameter(key, name);
    return base64url_encode(as_bytes(bytes_of(number.get(), size > 0 ? size : BN_num_bytes(number.get()))));
  };
  if (algorithm == Algorithm::kRs256) {
    return {{"e", encoded(OSSL_PKEY_PARAM_RSA_E, 0)}, {"kty", "RSA"}, {"n", encoded(OSSL_PKEY_PARAM_RSA_N, 0)}};
  }
  return {{"crv", "P-256"},
          {"kty", "EC"},
          {"x", encoded(OSSL_PKEY_PARAM_EC_PUB_X, kCoordinate)},
          {"y", encoded(OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinate)}};
}

json parse_object(std::string_view text) {
  json parsed = json::parse(text, nullptr, false);
  return parsed.is_object() ? parsed : json();
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
    return unexpected(error(JwtFailure::kWrongAudience,
                            "[" + joined(claims.audiences) + "], expected one of [" + joined(expected.audiences) + "]"));
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

std::string base64url_encode(ByteSpan bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int held = 0;
  for (const std::uint8_t b : bytes) {
    bits = bits << 8 | b;
    for (held += 8; held >= 6;) text += kAlphabet[bits >> (held -= 6) & 63];
  }
  if (held > 0) text += kAlphabet[bits << (6 - held) & 63];
  return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    std::uint32_t digit;
    if (c >= 'A' && c <= 'Z') digit = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z') digit = static_cast<std::uint32_t>(c - 'a') + 26;
    else if (c >= '0' && c <= '9') digit = static_cast<std::uint32_t>(c - '0') + 52;
    else if (c == '-') digit = 62;
    else if (c == '_') digit = 63;
    else return std::nullopt;
    bits = bits << 6 | digit;
    held += 6;
    if (held >= 8) bytes += static_cast<char>(bits >> (held -= 8) & 0xff);
  }
  // Left-over bits must be zero: one text for one value.
  if ((bits & ((1u << held) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::expected<JwtKeySet, std::string> JwtKeySet::from_jwks(std::string_view text) {
  const json document = parse_object(text);
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array()) {
    return unexpected("not a JSON Web Key Set: no \"keys\" array");
  }
  JwtKeySet set;
  for (const json& jwk : document["keys"]) {
    if (!jwk.is_object()) return unexpected("not a JSON Web Key Set: a key is not an object");
    if (text_of(jwk, "use").value_or("sig") != "sig") continue;
    if (EVP_PKEY* key = key_from_jwk(jwk); key != nullptr) {
      set.add(text_of(jwk, "kid").value_or(""), PublicKey::adopt(key));
    }
  }
  return set;
}

void JwtKeySet::add(std::string key_id, PublicKey key) { entries_.push_back({std::move(key_id), std::move(key)}); }

std::string JwtKeySet::to_jwks() const {
  json keys = json::array();
  for (const Entry& entry : entries_) {
    const auto algorithm = algorithm_of(entry.key.native());
    if (!algorithm) continue;
    json jwk = jwk_of(entry.key.native(), *algorithm);
    jwk["kid"] = entry.key_id;
    jwk["use"] = "sig";
    jwk["alg"] = name_of(*algorithm);
    keys.push_back(std::move(jwk));
  }
  return json{{"keys", std::move(keys)}}.dump();
}

std::string key_id_of(const PublicKey& key) {
  const auto algorithm = algorithm_of(key.native());
  if (!algorithm) return {};
  const std::string canonical = jwk_of(key.native(), *algorithm).dump();
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(canonical.data()), canonical.size(), digest.data());
  return base64url_encode(digest);
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
