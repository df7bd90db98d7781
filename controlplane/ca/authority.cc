#include "controlplane/ca/authority.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "controlplane/ca/files.h"

namespace weft::controlplane {
namespace {

using crypto::Certificate;

constexpr const char* kFiles[] = {"ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"};
// Istio's grace for clocks that differ.
constexpr std::int64_t kBackdateSeconds = 120;

bool exists(const std::string& path) { return std::filesystem::exists(path); }

// A key that others may read is no key of ours.
std::expected<void, std::string> check_private(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & 077)) {
    return std::unexpected(path + ": other users may read this key: chmod 600 " + path);
  }
  return {};
}

std::expected<std::vector<Certificate>, std::string> read_certificates(const std::string& path) {
  auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  auto certificates = Certificate::all_from_pem(*text);
  if (!certificates) return std::unexpected(path + ": " + certificates.error());
  return certificates;
}

std::string to_pem(const std::vector<Certificate>& certificates) {
  std::string out;
  for (const Certificate& each : certificates) out += each.pem();
  return out;
}

bool is_one_of(const Certificate& certificate, const std::vector<Certificate>& others) {
  return std::any_of(others.begin(), others.end(), [&](const Certificate& other) {
    return other.info().fingerprint == certificate.info().fingerprint;
  });
}

// A short-lived leaf is backdated less, so that half of its life is still ahead when it is issued.
std::int64_t backdate(std::int64_t seconds) { return std::min(kBackdateSeconds, seconds / 10); }

}  // namespace

Authority::Authority(Certificate certificate, crypto::PrivateKey key, std::vector<Certificate> intermediates,
                     std::vector<Certificate> roots)
    : certificate_(std::move(certificate)),
      key_(std::move(key)),
      intermediates_(std::move(intermediates)),
      roots_(std::move(roots)) {}

std::expected<Authority, std::string> Authority::open(const AuthorityOptions& options, std::int64_t now) {
  if (!options.plugged_in.empty()) return load(options.plugged_in, now);
  if (auto made = make_private_directory(options.directory); !made) return std::unexpected(made.error());
  const bool any = std::any_of(std::begin(kFiles), std::end(kFiles),
                               [&](const char* file) { return exists(options.directory + "/" + file); });
  if (!any) {
    if (auto created = create(options, now); !created) return std::unexpected(created.error());
  }
  return load(options.directory, now);
}

std::expected<void, std::string> Authority::create(const AuthorityOptions& options, std::int64_t now) {
  auto key = crypto::PrivateKey::generate_p256();
  if (!key) return std::unexpected(key.error());
  auto root = crypto::self_signed_root(
      *key, {options.organization, now - kBackdateSeconds, now + options.root_seconds});
  if (!root) return std::unexpected(root.error());
  // The key first: certificates without it would be half a set.
  const std::string base = options.directory + "/";
  const std::pair<const char*, std::string> files[] = {
      {"ca-key.pem", key->pem()}, {"root-cert.pem", root->pem()}, {"cert-chain.pem", root->pem()},
      {"ca-cert.pem", root->pem()}};
  for (const auto& [name, text] : files) {
    const unsigned mode = std::string_view(name) == "ca-key.pem" ? 0600 : 0644;
    if (auto written = write_file(base + name, text, mode); !written) return written;
  }
  return {};
}

std::expected<Authority, std::string> Authority::load(const std::string& directory, std::int64_t now) {
  const std::string base = directory + "/";
  for (const char* file : kFiles) {
    if (!exists(base + file)) return std::unexpected(base + file + ": missing; the CA's files come as a set of four");
  }
  if (auto safe = check_private(base + "ca-key.pem"); !safe) return std::unexpected(safe.error());
  auto own = read_certificates(base + "ca-cert.pem");
  if (!own) return std::unexpected(own.error());
  auto chain = read_certificates(base + "cert-chain.pem");
  if (!chain) return std::unexpected(chain.error());
  auto roots = read_certificates(base + "root-cert.pem");
  if (!roots) return std::unexpected(roots.error());
  auto key_text = read_file(base + "ca-key.pem");
  if (!key_text) return std::unexpected(key_text.error());
  auto key = crypto::PrivateKey::from_pem(*key_text);
  if (!key) return std::unexpected(base + "ca-key.pem: " + key.error());
  const Certificate& certificate = own->front();
  if (!certificate.info().is_ca) return std::unexpected(base + "ca-cert.pem: not a CA certificate");
  if (!crypto::key_matches(certificate, *key)) {
    return std::unexpected(base + "ca-key.pem is not the key of ca-cert.pem");
  }
  if (auto verified = crypto::verify_chain(certificate, *chain, *roots, now); !verified) {
    return std::unexpected(base + "ca-cert.pem does not lead to root-cert.pem: " + verified.error());
  }
  // Istio's cert-chain.pem begins with the CA's own certificate and may end with the root.
  std::vector<Certificate> intermediates;
  if (!is_one_of(certificate, *roots)) intermediates.push_back(certificate);
  for (const Certificate& each : *chain) {
    if (!is_one_of(each, *roots) && !is_one_of(each, intermediates)) intermediates.push_back(each);
  }
  return Authority(certificate, std::move(*key), std::move(intermediates), std::move(*roots));
}

std::expected<Certificate, std::string> Authority::sign_workload(const crypto::PublicKey& key,
                                                                 const std::string& spiffe_id,
                                                                 std::int64_t seconds, std::int64_t now) const {
  crypto::LeafTemplate leaf;
  leaf.uri_sans = {spiffe_id};
  leaf.not_before = now - backdate(seconds);
  leaf.not_after = std::min(now + seconds, certificate_.info().not_after);
  return crypto::sign_certificate(certificate_, key_, key, leaf);
}

std::expected<Certificate, std::string> Authority::sign_server(const crypto::PublicKey& key,
                                                               const std::vector<std::string>& dns_names,
                                                               std::int64_t seconds, std::int64_t now) const {
  crypto::LeafTemplate leaf;
  leaf.dns_sans = dns_names;
  leaf.not_before = now - backdate(seconds);
  leaf.not_after = std::min(now + seconds, certificate_.info().not_after);
  return crypto::sign_certificate(certificate_, key_, key, leaf);
}

std::string Authority::root_bundle_pem() const { return to_pem(roots_); }

}  // namespace weft::controlplane
