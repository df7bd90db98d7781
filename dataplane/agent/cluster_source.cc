#include "dataplane/agent/cluster_source.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "base/log.h"

namespace weft::agent {
namespace {

// Not IN_MODIFY: a file that is being written is looked at when its writer closes it.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;

bool is_yaml(std::string_view name) {
  return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"));
}

}  // namespace

std::expected<std::unique_ptr<ClusterDirectory>, std::string> ClusterDirectory::open(const std::string& path) {
  const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (inotify < 0 || inotify_add_watch(inotify, path.c_str(), kEvents | IN_ONLYDIR) < 0) {
    const std::string why = std::strerror(errno);
    if (inotify >= 0) close(inotify);
    return std::unexpected("cluster_source.directory " + path + ": " + why);
  }
  std::unique_ptr<ClusterDirectory> out(new ClusterDirectory(path, inotify));
  out->scan();
  return out;
}

ClusterDirectory::~ClusterDirectory() { close(inotify_); }

void ClusterDirectory::drain_events() {
  alignas(inotify_event) char events[4096];
  while (read(inotify_, events, sizeof events) > 0) {
  }
}

bool ClusterDirectory::reload() {
  drain_events();
  return scan();
}

void ClusterDirectory::read_file(const std::string& name, File& file) {
  const std::string path = path_ + "/" + name;
  std::ifstream in(path);
  std::stringstream text;
  if (in) text << in.rdbuf();
  auto objects = in ? parse_cluster_objects(text.str(), path)
                    : std::expected<ClusterObjects, std::string>(std::unexpected(path + ": cannot be read"));
  if (objects) {
    file.error.clear();
    good_[name] = std::move(*objects);
    return;
  }
  file.error = objects.error() + (good_.contains(name) ? " (the last good content stays)" : "");
  log_warning("cluster", file.error);
}

bool ClusterDirectory::scan() {
  DIR* const dir = opendir(path_.c_str());
  if (dir == nullptr) {
    // Gone for a moment, or for good: what was read stays.
    log_warning("cluster", path_ + ": " + std::strerror(errno));
    return false;
  }
  bool changed = false;
  std::set<std::string> present;
  while (const dirent* const entry = readdir(dir)) {
    struct stat info;
    const std::string name = entry->d_name;
    if (!is_yaml(name) || stat((path_ + "/" + name).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    present.insert(name);
    const Stamp stamp{info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
                      info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
    File& file = files_[name];
    if (file.stamp == stamp) continue;
    file.stamp = stamp;
    read_file(name, file);
    changed = true;
  }
  closedir(dir);
  changed |= std::erase_if(files_, [&](const auto& entry) { return !present.contains(entry.first); }) > 0;
  std::erase_if(good_, [&](const auto& entry) { return !present.contains(entry.first); });
  if (!changed) return false;
  cluster_ = merge_objects(good_);
  for (const auto& [name, file] : files_) {
    if (!file.error.empty()) cluster_.problems.push_back(file.error);
  }
  return true;
}

}  // namespace weft::agent
