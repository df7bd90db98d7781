// The signing half of certificate.h: requests, roots, leaves, chains.
#include <openssl/rand.h>

#include <array>

#include "crypto/certificate.h"
#include "crypto/openssl_support.h"

namespace weft::crypto {

using namespace detail;

namespace {

using std::unexpected;

// Subject alternative names built as objects: no text syntax that a name could break out of.
GeneralNamesPtr make_sans(const std::vector<std::string>& uris, const std::vector<std::string>& dns) {
  GeneralNamesPtr names(GENERAL_NAMES_new());
  const auto add = [&names](int type, const std::string& text) {
    ASN1_IA5STRING* value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, text.data(), static_cast<int>(text.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, value);
    sk_GENERAL_NAME_push(names.get(), name);
  };
  for (const std::string& uri : uris) add(GEN_URI, uri);
  for (const std::string& name : dns) add(GEN_DNS, name);
  return names;
}

bool add_text_extension(X509* certificate, X509V3_CTX* context, int nid, const char* value) {
  X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate, std::vector<std::uint8_t> serial) {
  if (serial.empty()) {
    serial.resize(16);
    if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return false;
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 0x40);  // positive, and 16 bytes always
  }
  BignumPtr number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_organization(X509_NAME* name, const std::string& organization) {
  return organization.empty() ||
         X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(organization.data()),
                                    static_cast<int>(organization.size()), -1, 0) == 1;
}

bool set_validity(X509* certificate, std::int64_t not_before, std::int64_t not_after) {
  return ASN1_TIME_adj(X509_getm_notBefore(certificate), not_before, 0, 0) != nullptr &&
         ASN1_TIME_adj(X509_getm_notAfter(certificate), not_after, 0, 0) != nullptr;
}

// Ed25519 and its kind hash by themselves.
const EVP_MD* digest_for(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  return kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
}

bool set_usages(X509* certificate, X509* issuer, bool is_ca) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  return add_text_extension(certificate, &context, NID_basic_constraints,
                            is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
         add_text_extension(certificate, &context, NID_key_usage,
                            is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature,keyEncipherment") &&
         (is_ca || add_text_extension(certificate, &context, NID_ext_key_usage, "serverAuth,clientAuth")) &&
         add_text_extension(certificate, &context, NID_subject_key_identifier, "hash") &&
         (issuer == certificate ||
          add_text_extension(certificate, &context, NID_authority_key_identifier, "keyid"));
}

std::string refusal(const Certificate& issuer, const PrivateKey& issuer_key, const LeafTemplate& leaf) {
  if (!issuer.info().is_ca) return "issuer is not a CA certificate";
  if (!key_matches(issuer, issuer_key)) return "signing key does not belong to the issuer certificate";
  if (!leaf.is_ca && leaf.uri_sans.empty() && leaf.dns_sans.empty()) return "certificate without any SAN";
  if (leaf.not_after <= leaf.not_before) return "certificate lifetime is empty";
  if (leaf.not_after > issuer.info().not_after) return "certificate would outlive its issuer";
  if (leaf.serial.size() > 20 || (!leaf.serial.empty() && (leaf.serial[0] & 0x80) != 0)) {
    return "serial number is not a positive integer of at most 20 bytes";
  }
  for (const auto* sans : {&leaf.uri_sans, &leaf.dns_sans}) {
    for (const std::string& san : *sans) {
      if (san.empty() || san.find('\0') != std::string::npos) return "SAN is empty or holds a NUL";
    }
  }
  return {};
}

}  // namespace

std::expected<std::string, std::string> make_csr(const PrivateKey& key, std::string_view spiffe_id) {
  X509ReqPtr request(X509_REQ_new());
  bool good = request && X509_REQ_set_version(request.get(), 0) == 1 &&
              X509_REQ_set_pubkey(request.get(), key.native()) == 1;
  if (good && !spiffe_id.empty()) {
    GeneralNamesPtr names = make_sans({std::string(spiffe_id)}, {});
    X509ExtensionPtr extension(X509V3_EXT_i2d(NID_subject_alt_name, 1, names.get()));
    STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(extensions, extension.get());
    good = X509_REQ_add_extensions(request.get(), extensions) == 1;
    sk_X509_EXTENSION_free(extensions);
  }
  good = good && X509_REQ_sign(request.get(), key.native(), digest_for(key.native())) > 0;
  if (!good) return unexpected("cannot make a certificate request: " + take_error());
  BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(out.get(), request.get());
  return contents_of(out.get());
}

std::expected<Certificate, std::string> self_signed_root(const PrivateKey& key, const RootTemplate& root) {
  if (root.not_after <= root.not_before) return unexpected("certificate lifetime is empty");
  if (root.organization.empty()) return unexpected("a root needs an organization: its name must not be empty");
  X509Ptr x509(X509_new());
  X509_NAME* name = X509_get_subject_name(x509.get());
  const bool good = X509_set_version(x509.get(), 2) == 1 && set_serial(x509.get(), {}) &&
                    set_organization(name, root.organization) && X509_set_issuer_name(x509.get(), name) == 1 &&
                    set_validity(x509.get(), root.not_before, root.not_after) &&
                    X509_set_pubkey(x509.get(), key.native()) == 1 && set_usages(x509.get(), x509.get(), true) &&
                    X509_sign(x509.get(), key.native(), digest_for(key.native())) > 0;
  if (!good) return unexpected("cannot make a root certificate: " + take_error());
  return Certificate::adopt(x509.release());
}

std::expected<Certificate, std::string> sign_certificate(const Certificate& issuer, const PrivateKey& issuer_key,
                                                         const PublicKey& subject, const LeafTemplate& leaf) {
  if (std::string why = refusal(issuer, issuer_key, leaf); !why.empty()) return unexpected(std::move(why));
  X509Ptr x509(X509_new());
  bool good = X509_set_version(x509.get(), 2) == 1 && set_serial(x509.get(), leaf.serial) &&
              set_organization(X509_get_subject_name(x509.get()), leaf.organization) &&
              X509_set_issuer_name(x509.get(), X509_get_subject_name(issuer.native())) == 1 &&
              set_validity(x509.get(), leaf.not_before, leaf.not_after) &&
              X509_set_pubkey(x509.get(), subject.native()) == 1 &&
              set_usages(x509.get(), issuer.native(), leaf.is_ca);
  if (good && !(leaf.uri_sans.empty() && leaf.dns_sans.empty())) {
    // RFC 5280 section 4.2.1.6: critical when the subject is empty.
    GeneralNamesPtr names = make_sans(leaf.uri_sans, leaf.dns_sans);
    good = X509_add1_ext_i2d(x509.get(), NID_subject_alt_name, names.get(), leaf.organization.empty() ? 1 : 0,
                             X509V3_ADD_APPEND) == 1;
  }
  good = good && X509_sign(x509.get(), issuer_key.native(), digest_for(issuer_key.native())) > 0;
  if (!good) return unexpected("cannot sign the certificate: " + take_error());
  return Certificate::adopt(x509.release());
}

std::expected<void, std::string> verify_chain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                                              const std::vector<Certificate>& roots, std::int64_t unix_seconds) {
  X509StorePtr store(X509_STORE_new());
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.native());
  CertificateStackPtr untrusted(sk_X509_new_null());
  for (const Certificate& c : intermediates) sk_X509_push(untrusted.get(), c.native());
  X509StoreContextPtr context(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf.native(), untrusted.get()) != 1) {
    return unexpected("cannot verify the chain: " + take_error());
  }
  X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(context.get()), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_time(context.get(), 0, unix_seconds);
  const bool good = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (good) return {};
  const int error = X509_STORE_CTX_get_error(context.get());
  return unexpected(std::string(X509_verify_cert_error_string(error)) + " (depth " +
                    std::to_string(X509_STORE_CTX_get_error_depth(context.get())) + ")");
}

}  // namespace weft::crypto
