// The directory source: every *.yaml and *.yml below one directory, watched with inotify.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "controlplane/config/source.h"

namespace weft::controlplane {

struct FileSourceOptions {
  std::string directory;
  // A change is read this long after its last inotify event, so that a program which writes several files by turns
  // gives one batch. Short: an edited policy must act within a second.
  Duration settle = Duration::milliseconds(10);
  std::size_t file_bytes_max = 64u << 20;
};

// Files are read when they are closed after writing or renamed into place, never while half-written; hidden files
// (".x", editors' temporaries) are not read. Subdirectories are watched too.
class FileSource : public Source {
 public:
  explicit FileSource(FileSourceOptions options);
  ~FileSource() override;
  void start(SourceSink& sink) override;
  void stop() override;

 private:
  class Watcher;
  std::unique_ptr<Watcher> watcher_;
};

// What a file named `origin` with this text brings: its documents, Lists taken apart, or the reason why it does not
// parse.
OriginUpdate parse_origin(const std::string& origin, std::string_view text);

// All files of a directory at once, without watching: tests, tools. Throws std::runtime_error: no such directory.
void load_directory(const std::string& directory, SourceSink& sink);

}  // namespace weft::controlplane
