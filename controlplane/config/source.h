// Where objects come from. A source reports the whole present content of one origin (a file; for an API server, one
// object) at a time, unparsed beyond syntax; the store decodes, validates and keeps last good versions.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/problem.h"

namespace weft::controlplane {

class Document;  // yaml_tree.h: one YAML document with line numbers

// What changed at one origin.
struct OriginUpdate {
  enum class What {
    kContent,     // `documents` is all it holds now
    kUnreadable,  // it exists but does not parse; `problem` says where. Its last good content stays
    kGone,
  };
  std::string origin;
  What what = What::kContent;
  std::vector<std::shared_ptr<const Document>> documents;
  Problem problem;
};

class SourceSink {
 public:
  virtual ~SourceSink() = default;
  // One batch: everything that the source saw at once. Called from one thread at a time.
  virtual void on_update(std::vector<OriginUpdate> batch) = 0;
  // The source has delivered everything that was there when it started. Called once.
  virtual void on_synced() = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  // Calls the sink from the source's own thread until stop() returns. Throws std::runtime_error when it cannot start.
  virtual void start(SourceSink& sink) = 0;
  virtual void stop() = 0;
};

}  // namespace weft::controlplane
