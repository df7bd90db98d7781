// The keys that tokens are signed with: JWK (RFC 7517, RFC 7518 section 6), key ids, base64url.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>

#include <array>

#include "crypto/jwt.h"
#include "crypto/jwt_support.h"

namespace weft::crypto {

using nlohmann::json;
using std::unexpected;

namespace detail {

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

std::optional<std::string> text_of(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

json parse_object(std::string_view text) {
  json parsed = json::parse(text, nullptr, false);
  return parsed.is_object() ? std::move(parsed) : json();  // a copy recurses as deep as a stranger's token nests
}

}  // namespace detail

using namespace detail;

namespace {

BignumPtr parameter(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return BignumPtr(number);
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

}  // namespace

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

}  // namespace weft::crypto
