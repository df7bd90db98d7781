// A directory of Kubernetes objects as YAML files, watched. One level, files named *.yaml or *.yml.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <string>

#include "dataplane/agent/cluster_objects.h"

namespace weft::agent {

// Not thread-safe: lives on the agent's thread.
class ClusterDirectory {
 public:
  // Error: the directory cannot be read or watched. Files that do not parse are no error: see Cluster::problems.
  static std::expected<std::unique_ptr<ClusterDirectory>, std::string> open(const std::string& path);
  ~ClusterDirectory();
  ClusterDirectory(const ClusterDirectory&) = delete;
  ClusterDirectory& operator=(const ClusterDirectory&) = delete;

  int fd() const { return inotify_; }  // readable when something changed
  // Reads what changed; a file that does not parse keeps its last good content. True when cluster() is new.
  bool reload();
  const Cluster& cluster() const { return cluster_; }

 private:
  // What tells one content of a file from the next without reading it: replaced files have another inode.
  struct Stamp {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t mtime_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct File {
    Stamp stamp;
    std::string error;  // of the newest content; empty: it is good
  };

  ClusterDirectory(std::string path, int inotify) : path_(std::move(path)), inotify_(inotify) {}
  void drain_events();
  bool scan();
  void read_file(const std::string& name, File& file);

  std::string path_;
  int inotify_;
  std::map<std::string, File> files_;
  std::map<std::string, ClusterObjects> good_;  // last good content by file name
  Cluster cluster_;
};

}  // namespace weft::agent
