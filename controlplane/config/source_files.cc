#include "controlplane/config/source_files.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "base/log.h"
#include "controlplane/config/origin_reader.h"

namespace weft::controlplane {
namespace {

namespace fs = std::filesystem;

}  // namespace

class FileSource::Watcher {
 public:
  explicit Watcher(FileSourceOptions options)
      : options_(std::move(options)),
        inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
        wake_(::eventfd(0, EFD_CLOEXEC)) {
    if (inotify_.get() < 0 || wake_.get() < 0)
      throw std::runtime_error("inotify: " + std::string(std::strerror(errno)));
    if (!fs::is_directory(options_.directory)) throw std::runtime_error(options_.directory + " is not a directory");
  }

  ~Watcher() {
    const std::uint64_t one = 1;
    if (thread_.joinable() && ::write(wake_.get(), &one, sizeof one) == sizeof one) thread_.join();
  }

  void start(SourceSink& sink) {
    sink_ = &sink;
    watch("");
    thread_ = std::thread([this] { run(); });
  }

 private:
  void run() {
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGIO);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    rescan();
    deliver();
    sink_->on_synced();
    while (wait(root_lost_ ? 1000 : -1)) {
      read_events();
      settle();
      if (stopping_) return;
      if (root_lost_ && fs::is_directory(options_.directory)) find_root_again();
      if (rescan_) rescan();
      deliver();
    }
  }

  // Until nothing happens for a while; not for ever, when something always happens.
  void settle() {
    for (int turns = 0; turns < 10 && wait(static_cast<int>(options_.settle.ms())); ++turns) {
      if (!read_events()) return;
    }
  }

  // False: time to stop. Also true at the end of the timeout.
  bool wait(int timeout_ms) {
    pollfd fds[2] = {{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    while (::poll(fds, 2, timeout_ms) < 0 && errno == EINTR) {
    }
    stopping_ = fds[1].revents != 0;
    return !stopping_;
  }

  // Whether there were any.
  bool read_events() {
    alignas(inotify_event) char buffer[16 * 1024];
    bool any = false;
    for (;;) {
      const ssize_t got = ::read(inotify_.get(), buffer, sizeof buffer);
      if (got <= 0) return any;
      any = true;
      for (char* at = buffer; at < buffer + got;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        on_event(*event, event->len > 0 ? event->name : "");
        at += sizeof(inotify_event) + event->len;
      }
    }
  }

  void on_event(const inotify_event& event, const std::string& name) {
    if (event.mask & IN_Q_OVERFLOW) rescan_ = true;
    auto found = folders_.find(event.wd);
    if (found == folders_.end()) return;
    const std::string folder = found->second;
    if (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) on_folder_lost(folder);
    if (event.mask & IN_IGNORED) folders_.erase(event.wd);
    if (name.empty()) return;
    const std::string origin = folder.empty() ? name : folder + '/' + name;
    if (event.mask & IN_ISDIR) {
      rescan_ = true;
    } else if (is_hidden(name)) {
      // A mounted ConfigMap swaps all its files by renaming the link `..data`.
      rescan_ |= name.starts_with("..") && (event.mask & IN_MOVED_TO);
    } else if (is_yaml(name) && (!(event.mask & IN_CREATE) || is_link(origin))) {
      changed_.insert(origin);
    }
  }

  void on_folder_lost(const std::string& folder) {
    rescan_ |= !folder.empty();
    if (!folder.empty() || root_lost_) return;
    root_lost_ = true;
    log_error("config", options_.directory + " is gone; it is watched again when it is back");
  }

  void find_root_again() {
    root_lost_ = false;
    folders_.clear();
    watch("");
    rescan_ = true;
  }

  // A link has its content as soon as it is there; a new file has it when its writer closes it.
  bool is_link(const std::string& origin) const {
    struct stat status {};
    if (::lstat((options_.directory + '/' + origin).c_str(), &status) != 0) return false;
    return S_ISLNK(status.st_mode) || status.st_nlink > 1;
  }

  void watch(const std::string& folder) {
    const std::string path = folder.empty() ? options_.directory : options_.directory + '/' + folder;
    constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |
                                      IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    const int id = ::inotify_add_watch(inotify_.get(), path.c_str(), kEvents);
    if (id >= 0) {
      folders_[id] = folder;
    } else if (errno != ENOENT) {
      log_error("config", path + " cannot be watched: " + std::strerror(errno));
    }
  }

  // Everything that is there now and everything that was; folders are watched before they are listed, so that nothing
  // falls between.
  void rescan() {
    rescan_ = false;
    if (!fs::is_directory(options_.directory)) return;
    std::size_t known = 0;
    Listing listing;
    do {
      known = listing.folders.size();
      for (const std::string& folder : listing.folders) watch(folder);
      listing = {};
      list_folder(options_.directory, "", listing);
    } while (listing.folders.size() != known);
    changed_.insert(listing.files.begin(), listing.files.end());
    changed_.insert(known_.begin(), known_.end());
  }

  void deliver() {
    std::vector<OriginUpdate> batch;
    for (const std::string& origin : changed_) {
      batch.push_back(read_file(options_.directory + '/' + origin, origin, options_.file_bytes_max, true));
      if (batch.back().what == OriginUpdate::What::kGone) {
        known_.erase(origin);
      } else {
        known_.insert(origin);
      }
    }
    changed_.clear();
    if (!batch.empty()) sink_->on_update(std::move(batch));
  }

  FileSourceOptions options_;
  Fd inotify_, wake_;
  SourceSink* sink_ = nullptr;
  std::map<int, std::string> folders_;  // by watch descriptor
  std::set<std::string> known_;         // files that exist
  std::set<std::string> changed_;       // to be read
  bool rescan_ = false;
  bool root_lost_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

FileSource::FileSource(FileSourceOptions options) : watcher_(std::make_unique<Watcher>(std::move(options))) {}
FileSource::~FileSource() = default;
void FileSource::start(SourceSink& sink) { watcher_->start(sink); }
void FileSource::stop() { watcher_.reset(); }

void load_directory(const std::string& directory, SourceSink& sink) {
  if (!fs::is_directory(directory)) throw std::runtime_error(directory + " is not a directory");
  Listing listing;
  list_folder(directory, "", listing);
  std::vector<OriginUpdate> batch;
  for (const std::string& origin : listing.files) {
    batch.push_back(read_file(directory + '/' + origin, origin, FileSourceOptions{}.file_bytes_max, false));
  }
  sink.on_update(std::move(batch));
  sink.on_synced();
}

}  // namespace weft::controlplane
