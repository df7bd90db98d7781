#include "crypto/jwt.h"

#include <gtest/gtest.h>

namespace weft::crypto {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

struct Issuer {
  PrivateKey key = PrivateKey::generate_p256().value();
  std::string key_id = key_id_of(key.public_key());
  JwtKeySet keys = [this] {
    JwtKeySet set;
    set.add(key_id, key.public_key());
    return set;
  }();
  std::string claims = R"({"iss":"weft","sub":"system:serviceaccount:ns:sa","aud":["istio-ca","x"],)"
                       R"("exp":1800000600,"nbf":1799999990,"iat":1799999990,)"
                       R"("kubernetes.io":{"namespace":"ns","pod":{"name":"p","uid":"u"}}})";
  std::string token() const { return sign_jwt(key, key_id, claims).value(); }
};

JwtExpectations expectations() { return {{"istio-ca"}, "weft", kNow, 0}; }

JwtFailure failure_of(const std::string& token, const JwtKeySet& keys, const JwtExpectations& e = expectations()) {
  const auto verified = verify_jwt(token, keys, e);
  EXPECT_FALSE(verified.has_value());
  return verified.has_value() ? JwtFailure::kMalformed : verified.error().failure;
}

TEST(Jwt, VerifiesWhatItSigned) {
  const Issuer issuer;
  const auto claims = verify_jwt(issuer.token(), issuer.keys, expectations());
  ASSERT_TRUE(claims.has_value()) << claims.error().text;
  EXPECT_EQ(claims->subject, "system:serviceaccount:ns:sa");
  EXPECT_EQ(claims->text({"kubernetes.io", "pod", "name"}), "p");
  EXPECT_EQ(claims->text({"kubernetes.io", "pod"}), std::nullopt);
  EXPECT_EQ(claims->text({"kubernetes.io", "node", "name"}), std::nullopt);
}

TEST(Jwt, KeysTravelAsJwks) {
  const Issuer issuer;
  const auto keys = JwtKeySet::from_jwks(issuer.keys.to_jwks());
  ASSERT_TRUE(keys.has_value()) << keys.error();
  EXPECT_TRUE(verify_jwt(issuer.token(), *keys, expectations()).has_value());
  EXPECT_EQ(JwtKeySet::from_jwks("{}").error(), "not a JSON Web Key Set: no \"keys\" array");
  EXPECT_TRUE(JwtKeySet::from_jwks(R"({"keys":[{"kty":"oct","k":"AA"}]})")->entries().empty());
}

TEST(Jwt, EachRefusalHasItsName) {
  const Issuer issuer, other;
  const std::string token = issuer.token();
  JwtExpectations e = expectations();
  e.unix_seconds = 1800000600;
  EXPECT_EQ(failure_of(token, issuer.keys, e), JwtFailure::kExpired);
  e.unix_seconds = 1799999989;
  EXPECT_EQ(failure_of(token, issuer.keys, e), JwtFailure::kNotYetValid);
  e.leeway_seconds = 1;
  EXPECT_TRUE(verify_jwt(token, issuer.keys, e).has_value());
  e = expectations();
  e.audiences = {"other"};
  EXPECT_EQ(failure_of(token, issuer.keys, e), JwtFailure::kWrongAudience);
  EXPECT_EQ(verify_jwt(token, issuer.keys, e).error().text,
            "wrong audience: [istio-ca, x], expected one of [other]");
  e = expectations();
  e.issuer = "somebody";
  EXPECT_EQ(failure_of(token, issuer.keys, e), JwtFailure::kWrongIssuer);
  EXPECT_EQ(failure_of(token, other.keys), JwtFailure::kUnknownKey);
  EXPECT_EQ(failure_of("a.b", issuer.keys), JwtFailure::kMalformed);
  EXPECT_EQ(failure_of("", issuer.keys), JwtFailure::kMalformed);
}

TEST(Jwt, ForgeriesFail) {
  const Issuer issuer, other;
  const std::string token = issuer.token();
  const std::size_t first = token.find('.'), second = token.rfind('.');
  const std::string payload = token.substr(first, second - first);
  // Somebody else's key under the known key's id.
  EXPECT_EQ(failure_of(sign_jwt(other.key, issuer.key_id, issuer.claims).value(), issuer.keys),
            JwtFailure::kBadSignature);
  const std::string none = base64url_encode(as_bytes(R"({"alg":"none"})"));
  EXPECT_EQ(failure_of(none + payload + ".", issuer.keys), JwtFailure::kUnsupportedAlgorithm);
  // HS256 with the public key as secret: the classic.
  const std::string hs = base64url_encode(as_bytes(R"({"alg":"HS256"})"));
  EXPECT_EQ(failure_of(hs + payload + ".AAAA", issuer.keys), JwtFailure::kUnsupportedAlgorithm);
  EXPECT_EQ(failure_of(token.substr(0, second) + ".AAAA", issuer.keys), JwtFailure::kBadSignature);
  std::string changed = token;
  changed[first + 10] = changed[first + 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(failure_of(changed, issuer.keys), JwtFailure::kBadSignature);
}

TEST(Jwt, AHeaderNestedAsDeepAsATokenAllowsIsOnlyRefused) {
  const Issuer issuer;
  const std::string nested = R"({"alg":"ES256","x":)" + std::string(24'000, '[') + std::string(24'000, ']') + "}";
  EXPECT_EQ(failure_of(base64url_encode(as_bytes(nested)) + ".e30.AA", issuer.keys), JwtFailure::kBadSignature);
}

TEST(Jwt, WithoutExpiryItIsRefused) {
  const Issuer issuer;
  EXPECT_EQ(failure_of(sign_jwt(issuer.key, issuer.key_id, R"({"iss":"weft","aud":"istio-ca"})").value(), issuer.keys),
            JwtFailure::kMalformed);
}

// RFC 7515 appendix A.2 (RS256) and A.3 (ES256), keys and signatures as printed there.
constexpr char kRsaKey[] =
    R"({"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPC)"
    R"(JrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaS)"
    R"(HSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGh)"
    R"(yxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]})";
constexpr char kRsaToken[] =
    "eyJhbGciOiJSUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
    "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
    "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
    "Ge77Rw";
constexpr char kEcKey[] =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m3)"
    R"(6HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})";
constexpr char kEcToken[] =
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

TEST(Jwt, Rfc7515Examples) {
  const JwtExpectations e{{}, "joe", 1300819379, 0};
  const auto rsa = JwtKeySet::from_jwks(kRsaKey).value();
  const auto ec = JwtKeySet::from_jwks(kEcKey).value();
  EXPECT_TRUE(verify_jwt(kRsaToken, rsa, e).has_value());
  EXPECT_TRUE(verify_jwt(kEcToken, ec, e).has_value());
  EXPECT_EQ(failure_of(kRsaToken, ec, e), JwtFailure::kUnknownKey);
  EXPECT_EQ(failure_of(kRsaToken, rsa, {{}, "joe", 1300819380, 0}), JwtFailure::kExpired);
}

TEST(Base64Url, OneTextForOneValue) {
  for (const char* text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(base64url_decode(base64url_encode(as_bytes(text))), text);
  }
  EXPECT_EQ(base64url_encode(as_bytes("\xff\xfe")), "__4");
  EXPECT_FALSE(base64url_decode("__5"));
  EXPECT_FALSE(base64url_decode("A"));
  EXPECT_FALSE(base64url_decode("AA=="));
}

}  // namespace
}  // namespace weft::crypto
