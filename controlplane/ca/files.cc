#include "controlplane/ca/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace weft::controlplane {
namespace {

std::string system_error(const std::string& path) { return path + ": " + std::strerror(errno); }

}  // namespace

std::expected<std::string, std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(system_error(path));
  std::string out;
  char block[8192];
  ssize_t n;
  while ((n = ::read(fd, block, sizeof block)) > 0) out.append(block, static_cast<std::size_t>(n));
  const std::string error = n < 0 ? system_error(path) : "";
  ::close(fd);
  if (!error.empty()) return std::unexpected(error);
  return out;
}

std::expected<void, std::string> write_file(const std::string& path, std::string_view text, unsigned mode) {
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return std::unexpected(system_error(temporary));
  const bool written = ::fchmod(fd, mode) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  const std::string error = written ? "" : system_error(temporary);
  ::close(fd);
  if (!written) return std::unexpected(error);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return std::unexpected(system_error(path));
  return {};
}

std::expected<void, std::string> make_private_directory(const std::string& path) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::unexpected(system_error(path));
  if (!S_ISDIR(info.st_mode)) return std::unexpected(path + ": not a directory");
  if (info.st_mode & 077) {
    return std::unexpected(path + ": other users may enter it and it holds keys: chmod 700 " + path);
  }
  return {};
}

}  // namespace weft::controlplane
