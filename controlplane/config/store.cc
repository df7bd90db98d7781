#include "controlplane/config/store.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <set>

#include "base/log.h"
#include "controlplane/config/decode.h"

namespace weft::controlplane {
namespace {

std::int64_t wall_clock_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

using Objects = Snapshot::Objects;

}  // namespace

Snapshot::Snapshot() : problems_(std::make_shared<const std::vector<Problem>>()) {
  objects_.fill(std::make_shared<const Objects>());
}

const Snapshot& Snapshot::none() {
  static const Snapshot kNone;
  return kNone;
}

std::vector<Problem> Snapshot::blocking() const {
  std::vector<Problem> found;
  for (const Problem& problem : *problems_) {
    if (problem.blocks_ready) found.push_back(problem);
  }
  return found;
}

const Object* Snapshot::find(const ObjectKey& key) const {
  const Objects& objects = of(key.kind);
  auto found = objects.find(key);
  return found == objects.end() ? nullptr : &found->second;
}

class Store::State {
 public:
  explicit State(StoreOptions options) : unix_ns_(options.unix_ns ? std::move(options.unix_ns) : wall_clock_ns) {
    decode_options_.mesh_config_map = {Kind::kConfigMap, options.system_namespace, options.mesh_config_map};
    decode_options_.creation_unix_ns = [this](const ObjectKey& key) { return stamp(key); };
    snapshot_ = std::make_shared<const Snapshot>(Snapshot::none());
  }

  std::shared_ptr<const Snapshot> snapshot() const {
    std::lock_guard lock(mutex_);
    return snapshot_;
  }

  void add_listener(Listener listener) { listeners_.push_back(std::move(listener)); }

  void update(std::vector<OriginUpdate> batch) {
    now_ns_ = unix_ns_();
    for (OriginUpdate& update : batch) apply(update);
    publish();
  }

  void set_synced() {
    synced_ = true;
    publish();
  }

 private:
  // What a file holds: its documents decoded, in order, and its own problem when it does not parse any more.
  struct Origin {
    std::vector<Decoded> documents;
    std::optional<Problem> unreadable;
    bool ever_read = false;
  };
  // Who claims an object: origins by name, and its document there.
  struct Claim {
    std::string origin;
    std::size_t index = 0;
    auto operator<=>(const Claim&) const = default;
  };
  struct Entry {
    std::set<Claim> claims;
    std::string holder;              // the origin whose version counts
    std::optional<Object> good;      // its last good version
    bool current_is_good = false;
  };

  std::int64_t stamp(const ObjectKey& key) { return stamps_.try_emplace(key, now_ns_).first->second; }

  void apply(OriginUpdate& update) {
    if (update.what == OriginUpdate::What::kGone) {
      if (auto found = origins_.find(update.origin); found != origins_.end()) {
        replace(update.origin, found->second, {});
        origins_.erase(found);
      }
      return;
    }
    Origin& origin = origins_[update.origin];
    if (update.what == OriginUpdate::What::kUnreadable) {
      origin.unreadable = std::move(update.problem);
      return;
    }
    origin.unreadable.reset();
    origin.ever_read = true;
    std::vector<Decoded> documents;
    for (const auto& document : update.documents) documents.push_back(decode(*document, decode_options_));
    keep_what_may_be_meant(origin, documents);
    replace(update.origin, origin, std::move(documents));
  }

  // A document that cannot be recognised (a misspelt kind, a missing name) may be one of those that the file held
  // before. What is missing beside it is kept: a typing error must not delete a policy.
  static void keep_what_may_be_meant(const Origin& before, std::vector<Decoded>& documents) {
    const bool unsure =
        std::any_of(documents.begin(), documents.end(), [](const Decoded& d) { return d.unrecognised; });
    if (!unsure) return;
    std::set<ObjectKey> present;
    for (const Decoded& document : documents) {
      if (document.key) present.insert(*document.key);
    }
    for (const Decoded& old : before.documents) {
      if (old.key && !present.contains(*old.key)) documents.push_back(old);
    }
  }

  void replace(const std::string& name, Origin& origin, std::vector<Decoded> documents) {
    for (std::size_t i = 0; i < origin.documents.size(); ++i) {
      if (!origin.documents[i].key) continue;
      touched_.insert(*origin.documents[i].key);
      entries_[*origin.documents[i].key].claims.erase({name, i});
    }
    origin.documents = std::move(documents);
    for (std::size_t i = 0; i < origin.documents.size(); ++i) {
      if (!origin.documents[i].key) continue;
      touched_.insert(*origin.documents[i].key);
      entries_[*origin.documents[i].key].claims.insert({name, i});
    }
  }

  // Chooses the version that counts. The file that holds an object keeps it while it has it; else the first by name.
  void settle(const ObjectKey& key) {
    auto found = entries_.find(key);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.claims.empty()) {
      entries_.erase(found);
      stamps_.erase(key);
      return;
    }
    auto claim = entry.claims.lower_bound({entry.holder, 0});
    if (claim == entry.claims.end() || claim->origin != entry.holder) claim = entry.claims.begin();
    entry.holder = claim->origin;
    const Decoded& version = origins_.at(claim->origin).documents[claim->index];
    entry.current_is_good = version.object.has_value();
    if (entry.current_is_good) entry.good = version.object;
  }

  const Object* good(const ObjectKey& key) const {
    auto found = entries_.find(key);
    return found != entries_.end() && found->second.good ? &*found->second.good : nullptr;
  }

  // Moves the touched objects into a copy of the affected kinds' tables.
  std::vector<ObjectKey> make_tables(Snapshot& next) {
    std::array<std::shared_ptr<Objects>, kKindCount> fresh;
    std::vector<ObjectKey> changed;
    for (const ObjectKey& key : touched_) {
      settle(key);
      const Object* before = next.find(key);
      const Object* after = good(key);
      if (!before && !after) continue;
      if (before && after && same_value(*before, *after)) continue;
      changed.push_back(key);
      auto& table = fresh[static_cast<std::size_t>(key.kind)];
      if (!table) table = std::make_shared<Objects>(next.of(key.kind));
      if (after) {
        table->insert_or_assign(key, *after);
      } else {
        table->erase(key);
      }
    }
    touched_.clear();
    for (std::size_t i = 0; i < kKindCount; ++i) {
      if (fresh[i]) next.objects_[i] = std::move(fresh[i]);
    }
    return changed;
  }

  bool is_duplicate(const Decoded& document, const Claim& claim) const {
    const Entry& entry = entries_.at(*document.key);
    return *entry.claims.lower_bound({entry.holder, 0}) != claim;
  }

  void collect(const std::string& name, const Origin& origin, std::vector<Problem>& out) const {
    if (origin.unreadable) {
      out.push_back(*origin.unreadable);
      out.back().blocks_ready = !origin.ever_read && !was_ready_;
    }
    for (std::size_t i = 0; i < origin.documents.size(); ++i) {
      const Decoded& document = origin.documents[i];
      const Claim claim{name, i};
      const bool duplicate = document.key && is_duplicate(document, claim);
      if (duplicate) {
        out.push_back({ProblemCode::kDuplicate, name, {}, document.key, "",
                       entries_.at(*document.key).holder + " has it already; that one counts"});
      }
      const bool unguarded = document.unrecognised || (document.guards && !duplicate && !good(*document.key));
      for (Problem problem : document.problems) {
        const bool error = severity_of(problem.code) == Severity::kError;
        problem.blocks_ready = error && unguarded && !was_ready_;
        if (error && !document.object && !duplicate && document.key && good(*document.key)) {
          problem.message += "; its last good version stays";
        }
        out.push_back(std::move(problem));
      }
    }
  }

  void publish() {
    auto next = std::make_shared<Snapshot>(*snapshot_);
    std::vector<ObjectKey> changed = make_tables(*next);
    std::vector<Problem> problems;
    for (const auto& [name, origin] : origins_) collect(name, origin, problems);
    const bool first_sync = synced_ && !next->synced_;
    const bool same_problems = problems == *next->problems_;
    if (changed.empty() && same_problems && !first_sync) return;
    if (!same_problems) {
      log_new(*next->problems_, problems);
      next->problems_ = std::make_shared<const std::vector<Problem>>(std::move(problems));
    }
    next->synced_ = synced_;
    ++next->version_;
    was_ready_ |= next->ready();
    if (first_sync) changed = all_keys(*next);
    {
      std::lock_guard lock(mutex_);
      snapshot_ = next;
    }
    if (!synced_) return;
    for (const Listener& listener : listeners_) listener(next, changed);
  }

  static std::vector<ObjectKey> all_keys(const Snapshot& snapshot) {
    std::vector<ObjectKey> keys;
    for (const auto& table : snapshot.objects_) {
      for (const auto& [key, object] : *table) keys.push_back(key);
    }
    return keys;
  }

  static void log_new(const std::vector<Problem>& before, const std::vector<Problem>& now) {
    for (const Problem& problem : now) {
      if (std::find(before.begin(), before.end(), problem) != before.end()) continue;
      const bool error = severity_of(problem.code) == Severity::kError;
      log(error ? LogLevel::kError : LogLevel::kWarning, "config", problem.to_string());
    }
  }

  std::function<std::int64_t()> unix_ns_;
  DecodeOptions decode_options_;
  std::vector<Listener> listeners_;
  // Below: touched by the source's thread alone, but for snapshot_, which `mutex_` guards.
  std::map<std::string, Origin> origins_;
  std::map<ObjectKey, Entry> entries_;
  std::map<ObjectKey, std::int64_t> stamps_;
  std::set<ObjectKey> touched_;
  std::int64_t now_ns_ = 0;
  bool synced_ = false;
  bool was_ready_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
};

Store::Store(StoreOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Store::~Store() = default;
void Store::add_listener(Listener listener) { state_->add_listener(std::move(listener)); }
std::shared_ptr<const Snapshot> Store::snapshot() const { return state_->snapshot(); }
void Store::on_update(std::vector<OriginUpdate> batch) { state_->update(std::move(batch)); }
void Store::on_synced() { state_->set_synced(); }

}  // namespace weft::controlplane
