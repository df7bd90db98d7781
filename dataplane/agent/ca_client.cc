#include "dataplane/agent/ca_client.h"

#include <algorithm>

#include "base/log.h"

namespace weft::agent {

struct CaClient::Entry {
  std::string identity;
  std::shared_ptr<const crypto::Credentials> credentials;
  crypto::CredentialsPem pem;  // of `credentials`
  std::string key_under_way;   // PEM, of the request that has no answer yet
  std::uint64_t request = 0;   // its number; 0: none under way
  Backoff backoff;
  EventLoop::TimerId next = 0, expiry = 0;
  CertificateStatus status;
};

namespace {

bool is_expired(const crypto::Credentials& credentials) { return credentials.not_after() < unix_now(); }

}  // namespace

CaClient::CaClient(EventLoop& loop, const CaOptions& options, const MeshOptions& mesh, Random random, Changed changed)
    : loop_(loop),
      options_(options),
      mesh_(mesh),
      random_(random),
      changed_(std::move(changed)),
      transport_(options, mesh) {}

CaClient::~CaClient() { *alive_ = false; }

void CaClient::drop(Entry& entry) {
  loop_.cancel(entry.next);
  loop_.cancel(entry.expiry);
}

void CaClient::want(const std::set<std::string>& identities) {
  std::erase_if(entries_, [&](auto& item) {
    if (identities.contains(item.first)) return false;
    drop(*item.second);
    return true;
  });
  for (const std::string& identity : identities) {
    auto& entry = entries_[identity];
    if (entry) continue;
    entry = std::make_unique<Entry>(Entry{.identity = identity,
                                          .credentials = {},
                                          .pem = {},
                                          .key_under_way = {},
                                          .backoff = Backoff(options_.backoff_min, options_.backoff_max),
                                          .status = {}});
    entry->status.identity = identity;
    ask(*entry);
  }
}

void CaClient::ask(Entry& entry) {
  entry.next = 0;
  entry.request = ++last_request_;
  const auto key = crypto::PrivateKey::generate_p256();
  const auto csr = key ? crypto::make_csr(*key, entry.identity) : std::unexpected(key.error());
  if (!csr) return answered(entry.identity, entry.request, std::unexpected("signing request: " + csr.error()));
  entry.key_under_way = key->pem();
  auto answer = [this, alive = alive_, identity = entry.identity, number = entry.request, loop = &loop_](auto chain) {
    // From a thread of gRPC; by the time the loop runs this, the client may be gone.
    loop->post([this, alive, identity, number, chain = std::move(chain)] {
      if (*alive) answered(identity, number, chain);
    });
  };
  transport_.order({*csr, entry.identity, options_.lifetime}, std::move(answer));
}

void CaClient::answered(const std::string& identity, std::uint64_t request,
                        const std::expected<std::vector<std::string>, std::string>& chain) {
  const auto it = entries_.find(identity);
  if (it == entries_.end() || it->second->request != request) return;  // dropped meanwhile
  Entry& entry = *it->second;
  entry.request = 0;
  const auto accepted = chain ? accept(entry, *chain) : std::unexpected(chain.error());
  entry.key_under_way.clear();
  if (accepted) {
    entry.backoff.reset();
    entry.status.last_error.clear();
    ++entry.status.issued;
    schedule(entry, renewal_delay(*entry.credentials));
    watch_expiry(entry);
    log_info("ca", identity + " has certificate " + entry.credentials->certificate().serial);
  } else {
    entry.status.last_error = accepted.error();
    ++entry.status.failures;
    schedule(entry, entry.backoff.next(random_));
    log_warning("ca", identity + ": " + accepted.error());
  }
  changed_(identity);
}

// The certificate must be what was asked for, valid now, and chain to the roots that came with it.
std::expected<void, std::string> CaClient::accept(Entry& entry, const std::vector<std::string>& chain) {
  if (chain.size() < 2) return std::unexpected("CA: answered without roots");
  crypto::CredentialsPem pem;
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    pem.certificate_chain += chain[i];
    if (!pem.certificate_chain.ends_with('\n')) pem.certificate_chain += '\n';
  }
  pem.private_key = entry.key_under_way;
  pem.trust_bundles[mesh_.trust_domain] = chain.back();
  auto credentials = crypto::Credentials::from_pem(pem);
  if (!credentials) return std::unexpected("CA: answered with an unusable certificate: " + credentials.error());
  if ((*credentials)->identity() != entry.identity) {
    return std::unexpected("CA: answered with a certificate of " + (*credentials)->identity());
  }
  const std::vector<crypto::Certificate>& certificates = (*credentials)->chain();
  const std::vector<crypto::Certificate> intermediates(certificates.begin() + 1, certificates.end());
  const auto verified = crypto::verify_chain(certificates.front(), intermediates,
                                             (*credentials)->trust_bundles().at(mesh_.trust_domain), unix_now());
  if (!verified) return std::unexpected("CA: answered with a certificate that does not verify: " + verified.error());
  entry.credentials = std::move(*credentials);
  entry.pem = std::move(pem);
  return {};
}

// Half of what is left, give or take a tenth of it.
Duration CaClient::renewal_delay(const crypto::Credentials& credentials) {
  const std::int64_t left_ms = std::max<std::int64_t>(0, credentials.not_after() - unix_now()) * 1000;
  const auto jitter = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(left_ms / 10 + 1)));
  const Duration delay = Duration::milliseconds(left_ms / 2 - left_ms / 20 + jitter);
  return std::max(delay, options_.backoff_min);
}

void CaClient::schedule(Entry& entry, Duration delay) {
  entry.status.next_attempt = unix_now() + (delay.ms() + 999) / 1000;
  entry.next = loop_.run_after(delay, [this, identity = entry.identity] { ask(*entries_.at(identity)); });
}

// So that whoever asks lacks() hears of it when it happens.
void CaClient::watch_expiry(Entry& entry) {
  loop_.cancel(entry.expiry);
  const Duration left = Duration::seconds(entry.credentials->not_after() + 1 - unix_now());
  entry.expiry = loop_.run_after(left, [this, identity = entry.identity] {
    log_error("ca", identity + ": the certificate has expired");
    changed_(identity);
  });
}

std::shared_ptr<const crypto::Credentials> CaClient::credentials(const std::string& identity) const {
  const auto it = entries_.find(identity);
  return it == entries_.end() ? nullptr : it->second->credentials;
}

const crypto::CredentialsPem* CaClient::pem(const std::string& identity) const {
  const auto it = entries_.find(identity);
  return it == entries_.end() || !it->second->credentials ? nullptr : &it->second->pem;
}

std::string CaClient::lacks(const std::string& identity) const {
  const auto it = entries_.find(identity);
  if (it == entries_.end()) return "certificate";
  const Entry& entry = *it->second;
  if (entry.credentials && !is_expired(*entry.credentials)) return {};
  const std::string what = entry.credentials ? "certificate that has not expired" : "certificate";
  return entry.status.last_error.empty() ? what : what + " (" + entry.status.last_error + ")";
}

std::vector<CertificateStatus> CaClient::status() const {
  std::vector<CertificateStatus> out;
  for (const auto& [identity, entry] : entries_) {
    out.push_back(entry->status);
    out.back().credentials = entry->credentials;
  }
  return out;
}

}  // namespace weft::agent
