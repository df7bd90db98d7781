#include "crypto/certificate.h"

#include <algorithm>

#include "crypto/openssl_support.h"

namespace weft::crypto {

using namespace detail;

namespace {

using std::unexpected;

std::string name_text(X509_NAME* name) {
  BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return contents_of(out.get());
}

std::string serial_text(const ASN1_INTEGER* serial) {
  std::string hex = to_hex({ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))});
  hex.erase(0, std::min(hex.find_first_not_of('0'), hex.size() - (hex.empty() ? 0 : 1)));
  return hex;
}

// A SAN with a NUL inside is a trick on whoever compares C strings: it is kept out, as if it were not there.
void add_san(std::vector<std::string>& sans, const ASN1_IA5STRING* value) {
  std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                   static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (text.find('\0') == std::string::npos) sans.push_back(std::move(text));
}

void read_sans(const GENERAL_NAMES* names, std::vector<std::string>& uris, std::vector<std::string>& dns) {
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI) add_san(uris, name->d.uniformResourceIdentifier);
    if (name->type == GEN_DNS) add_san(dns, name->d.dNSName);
  }
}

CertificateInfo read_info(X509* x509) {
  CertificateInfo info;
  info.subject = name_text(X509_get_subject_name(x509));
  info.issuer = name_text(X509_get_issuer_name(x509));
  info.serial = serial_text(X509_get0_serialNumber(x509));
  info.not_before = unix_time(X509_get0_notBefore(x509));
  info.not_after = unix_time(X509_get0_notAfter(x509));
  info.is_ca = X509_check_ca(x509) == 1;
  GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  read_sans(names.get(), info.uri_sans, info.dns_sans);
  unsigned size = 0;
  X509_digest(x509, EVP_sha256(), info.fingerprint.data(), &size);
  return info;
}

template <typename Write>
std::string written(Write write) {
  BioPtr out(BIO_new(BIO_s_mem()));
  if (write(out.get()) != 1) ERR_clear_error();
  return contents_of(out.get());
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    hex += kDigits[b >> 4];
    hex += kDigits[b & 15];
  }
  return hex;
}

Certificate Certificate::adopt(x509_st* native) {
  Certificate certificate;
  certificate.native_ = std::shared_ptr<x509_st>(native, X509_free);
  certificate.info_ = std::make_shared<const CertificateInfo>(read_info(native));
  return certificate;
}

std::expected<Certificate, std::string> Certificate::from_der(ByteSpan der) {
  const unsigned char* p = der.data();
  X509Ptr x509(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
  if (!x509) return unexpected("not a DER certificate: " + take_error());
  if (p != der.data() + der.size()) return unexpected("bytes after the DER certificate");
  return adopt(x509.release());
}

std::expected<Certificate, std::string> Certificate::from_pem(std::string_view pem) {
  BioPtr in = read_only_bio(pem);
  X509Ptr x509(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (!x509) return unexpected("not a PEM certificate: " + take_error());
  return adopt(x509.release());
}

std::expected<std::vector<Certificate>, std::string> Certificate::all_from_pem(std::string_view pem) {
  BioPtr in = read_only_bio(pem);
  std::vector<Certificate> all;
  for (;;) {
    char* name = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;
    if (PEM_read_bio(in.get(), &name, &header, &data, &size) != 1) break;
    const std::string kind = name;
    auto certificate = from_der({data, static_cast<std::size_t>(size)});
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    const std::string where = "PEM block " + std::to_string(all.size() + 1);
    if (kind != PEM_STRING_X509) return unexpected(where + " is a " + kind + ", not a certificate");
    if (!certificate) return unexpected(where + ": " + certificate.error());
    all.push_back(std::move(*certificate));
  }
  // "no start line" is how the end looks; anything else is damage.
  const unsigned long code = ERR_peek_last_error();
  if (ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
    return unexpected("PEM block " + std::to_string(all.size() + 1) + ": " + take_error());
  }
  ERR_clear_error();
  if (all.empty()) return unexpected("no PEM certificate");
  return all;
}

std::string Certificate::der() const {
  return written([this](BIO* out) { return i2d_X509_bio(out, native_.get()); });
}

std::string Certificate::pem() const {
  return written([this](BIO* out) { return PEM_write_bio_X509(out, native_.get()); });
}

PublicKey PublicKey::adopt(evp_pkey_st* native) {
  PublicKey key;
  key.native_ = std::shared_ptr<evp_pkey_st>(native, EVP_PKEY_free);
  return key;
}

std::expected<PublicKey, std::string> PublicKey::from_der(ByteSpan spki) {
  const unsigned char* p = spki.data();
  KeyPtr key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())));
  if (!key) return unexpected("not a DER public key: " + take_error());
  return adopt(key.release());
}

std::expected<PublicKey, std::string> PublicKey::from_pem(std::string_view pem) {
  BioPtr in = read_only_bio(pem);
  KeyPtr key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
  if (!key) return unexpected("not a PEM public key: " + take_error());
  return adopt(key.release());
}

PublicKey PublicKey::of(const Certificate& certificate) { return adopt(X509_get_pubkey(certificate.native())); }

std::string PublicKey::der() const {
  return written([this](BIO* out) { return i2d_PUBKEY_bio(out, native_.get()); });
}

std::string PublicKey::pem() const {
  return written([this](BIO* out) { return PEM_write_bio_PUBKEY(out, native_.get()); });
}

PrivateKey PrivateKey::adopt(evp_pkey_st* native) {
  PrivateKey key;
  key.native_ = std::shared_ptr<evp_pkey_st>(native, EVP_PKEY_free);
  return key;
}

std::expected<PrivateKey, std::string> PrivateKey::generate_p256() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  if (key == nullptr) return unexpected("cannot make a P-256 key: " + take_error());
  return adopt(key);
}

std::expected<PrivateKey, std::string> PrivateKey::from_pem(std::string_view pem) {
  BioPtr in = read_only_bio(pem);
  // Without a callback OpenSSL asks the terminal for a passphrase.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr));
  if (!key) return unexpected("not an unencrypted PEM private key: " + take_error());
  return adopt(key.release());
}

std::string PrivateKey::pem() const {
  return written([this](BIO* out) {
    return PEM_write_bio_PKCS8PrivateKey(out, native_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

std::string PrivateKey::der() const {
  return written([this](BIO* out) { return i2d_PKCS8PrivateKeyInfo_bio(out, native_.get()); });
}

PublicKey PrivateKey::public_key() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(native_.get(), &der);
  const unsigned char* p = der;
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &p, size);
  OPENSSL_free(der);
  return PublicKey::adopt(key);
}

bool key_matches(const Certificate& certificate, const PrivateKey& key) {
  const bool same = X509_check_private_key(certificate.native(), key.native()) == 1;
  ERR_clear_error();
  return same;
}

std::expected<CertificateRequest, std::string> CertificateRequest::from_der(ByteSpan der) {
  const unsigned char* p = der.data();
  X509ReqPtr request(d2i_X509_REQ(nullptr, &p, static_cast<long>(der.size())));
  if (!request) return unexpected("not a DER certificate request: " + take_error());
  EVP_PKEY* key = X509_REQ_get_pubkey(request.get());
  if (key == nullptr) return unexpected("certificate request without a usable public key: " + take_error());
  CertificateRequest parsed;
  parsed.key_ = PublicKey::adopt(key);
  if (X509_REQ_verify(request.get(), key) != 1) {
    ERR_clear_error();
    return unexpected("certificate request is not signed by its own key");
  }
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request.get());
  GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  read_sans(names.get(), parsed.uri_sans_, parsed.dns_sans_);
  return parsed;
}

std::expected<CertificateRequest, std::string> CertificateRequest::from_pem(std::string_view pem) {
  BioPtr in = read_only_bio(pem);
  X509ReqPtr request(PEM_read_bio_X509_REQ(in.get(), nullptr, nullptr, nullptr));
  if (!request) return unexpected("not a PEM certificate request: " + take_error());
  const std::string der = written([&request](BIO* out) { return i2d_X509_REQ_bio(out, request.get()); });
  return from_der(as_bytes(der));
}

}  // namespace weft::crypto
