#include "mesh/identity.h"

#include <memory>
#include <mutex>
#include <shared_mutex>

#include "absl/container/flat_hash_map.h"

namespace weft::mesh {

namespace {

constexpr std::string_view kScheme = "spiffe://";

// Takes `text` up to the next '/', and that; nullopt when the segment is empty.
std::optional<std::string_view> take_segment(std::string_view& text) {
  std::size_t end = text.find('/');
  std::string_view segment = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  if (segment.empty()) return std::nullopt;
  return segment;
}

}  // namespace

std::optional<SpiffeId> SpiffeId::parse(std::string_view uri) {
  if (!uri.starts_with(kScheme) || uri.ends_with('/')) return std::nullopt;
  uri.remove_prefix(kScheme.size());
  auto domain = take_segment(uri), ns = take_segment(uri), name_space = take_segment(uri);
  auto sa = take_segment(uri), account = take_segment(uri);
  bool complete = domain && ns && name_space && sa && account && uri.empty();
  if (!complete || *ns != "ns" || *sa != "sa") return std::nullopt;
  return SpiffeId{*domain, *name_space, *account};
}

std::string SpiffeId::to_uri() const {
  std::string uri(kScheme);
  for (std::string_view part : {trust_domain, std::string_view("/ns/"), name_space, std::string_view("/sa/"),
                                service_account})
    uri += part;
  return uri;
}

Identity Identity::intern(const SpiffeId& id) { return intern(id.to_uri()); }

Identity Identity::intern(std::string_view uri) {
  if (uri.empty()) return Identity();
  // Keys are views into the records. The table is never destroyed: identities outlive static destruction.
  struct Table {
    std::shared_mutex mutex;
    absl::flat_hash_map<std::string_view, std::unique_ptr<const Record>> records;
  };
  static Table& table = *new Table;
  {
    std::shared_lock lock(table.mutex);
    if (auto found = table.records.find(uri); found != table.records.end()) return Identity(found->second.get());
  }
  auto record = std::make_unique<Record>();
  record->uri = uri;
  if (auto id = SpiffeId::parse(record->uri)) record->id = *id;
  std::unique_lock lock(table.mutex);
  std::string_view key = record->uri;
  return Identity(table.records.try_emplace(key, std::move(record)).first->second.get());
}

}  // namespace weft::mesh
