// SPIFFE identities as interned values: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weft::mesh {

// The parts of an Istio-form SPIFFE ID; views into the text that was parsed.
struct SpiffeId {
  std::string_view trust_domain;
  std::string_view name_space;
  std::string_view service_account;

  // Strict, as Istio parses: scheme `spiffe`, exactly the five segments, none empty. nullopt: not of that form.
  static std::optional<SpiffeId> parse(std::string_view uri);
  std::string to_uri() const;
};

// One identity, eight bytes, trivially copied; equal URIs are the same pointer. Interned records are never freed:
// intern only what a trusted authority vouched for (a verified certificate, our own configuration). Any thread.
class Identity {
 public:
  constexpr Identity() = default;  // nobody
  // Any URI text, of Istio's form or not. Empty text is nobody.
  static Identity intern(std::string_view uri);
  static Identity intern(const SpiffeId& id);

  explicit operator bool() const { return record_ != nullptr; }
  std::string_view uri() const { return record_ ? std::string_view(record_->uri) : std::string_view(); }
  // Empty when the URI is not of Istio's form.
  std::string_view trust_domain() const { return record_ ? record_->id.trust_domain : std::string_view(); }
  std::string_view name_space() const { return record_ ? record_->id.name_space : std::string_view(); }
  std::string_view service_account() const {
    return record_ ? record_->id.service_account : std::string_view();
  }

  bool operator==(const Identity&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Identity& identity) {
    return H::combine(std::move(h), identity.record_);
  }

 private:
  struct Record {
    std::string uri;
    SpiffeId id;  // views into `uri`
  };
  explicit constexpr Identity(const Record* record) : record_(record) {}

  const Record* record_ = nullptr;
};

}  // namespace weft::mesh
