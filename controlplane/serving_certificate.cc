#include "controlplane/serving_certificate.h"

#include "controlplane/ca/files.h"

namespace weft::controlplane {
namespace {

constexpr std::int64_t kLifetimeSeconds = 90LL * 24 * 3600;

}  // namespace

ServingCertificate::ServingCertificate(const Authority& authority, std::string directory,
                                       std::vector<std::string> names, crypto::PrivateKey key)
    : authority_(&authority), directory_(std::move(directory)), names_(std::move(names)), key_(std::move(key)) {}

std::expected<ServingCertificate, std::string> ServingCertificate::issue(const Authority& authority,
                                                                         std::string directory,
                                                                         std::vector<std::string> names,
                                                                         std::int64_t now) {
  if (auto made = make_private_directory(directory); !made) return std::unexpected(made.error());
  auto key = crypto::PrivateKey::generate_p256();
  if (!key) return std::unexpected(key.error());
  ServingCertificate out(authority, std::move(directory), std::move(names), std::move(*key));
  if (auto written = write_file(out.key_file(), out.key_.pem(), 0600); !written) {
    return std::unexpected(written.error());
  }
  if (auto written = out.write(now); !written) return std::unexpected(written.error());
  return out;
}

std::expected<void, std::string> ServingCertificate::renew_if_due(std::int64_t now) {
  if (now < renew_at_) return {};
  return write(now);
}

std::expected<void, std::string> ServingCertificate::write(std::int64_t now) {
  auto leaf = authority_->sign_server(key_.public_key(), names_, kLifetimeSeconds, now);
  if (!leaf) return std::unexpected(leaf.error());
  std::string chain = leaf->pem();
  for (const crypto::Certificate& each : authority_->intermediates()) chain += each.pem();
  if (auto written = write_file(roots_file(), authority_->root_bundle_pem(), 0644); !written) return written;
  if (auto written = write_file(certificate_file(), chain, 0644); !written) return written;
  renew_at_ = now + (leaf->info().not_after - now) / 2;
  return {};
}

std::vector<std::string> server_names(const std::string& system_namespace, const std::vector<std::string>& more) {
  std::vector<std::string> out;
  for (const char* service : {"istiod", "istiod-remote", "istio-pilot", "weft-controlplane"}) {
    out.push_back(std::string(service) + "." + system_namespace + ".svc");
    out.push_back(out.back() + ".cluster.local");
  }
  out.push_back("localhost");
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

}  // namespace weft::controlplane
