// Reading the directory source's files: which there are, and what each holds.
#pragma once

#include <unistd.h>

#include <set>
#include <string>
#include <string_view>

#include "controlplane/config/source.h"

namespace weft::controlplane {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

bool is_hidden(std::string_view name);
bool is_yaml(std::string_view name);

// Files below `root` as origin names ("sub/a.yaml"), and the folders ("" is the root itself). Symbolic links to files
// are followed, those to folders are not.
struct Listing {
  std::set<std::string> files, folders;
};
void list_folder(const std::string& root, const std::string& folder, Listing& out);

// `ask_writers`: a file that somebody has open for writing is reported, not read. REQUIRES then: SIGIO is blocked in
// this thread.
OriginUpdate read_file(const std::string& path, const std::string& origin, std::size_t bytes_max, bool ask_writers);

}  // namespace weft::controlplane
