#include "controlplane/config/origin_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "controlplane/config/source_files.h"
#include "controlplane/config/yaml_tree.h"

namespace weft::controlplane {
namespace {

namespace fs = std::filesystem;

OriginUpdate unreadable(const std::string& origin, ProblemCode code, Position position, std::string message) {
  OriginUpdate update{origin, OriginUpdate::What::kUnreadable, {}, {}};
  update.problem.code = code;
  update.problem.origin = origin;
  update.problem.position = position;
  update.problem.message = std::move(message);
  return update;
}

// Somebody has the file open for writing: the kernel then refuses a read lease (fcntl(2)). A file system without leases
// answers otherwise, and then only inotify's order of events protects. REQUIRES: SIGIO is blocked in this thread, which
// the kernel would send us if a writer came between the two calls.
bool is_being_written(int fd) {
  const f_owner_ex self{F_OWNER_TID, ::gettid()};
  if (::fcntl(fd, F_SETOWN_EX, &self) != 0) return false;
  if (::fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  ::fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}

// kubectl prints several objects as one List.
void expand(const std::string& origin, Value root, std::vector<std::shared_ptr<const Document>>& out) {
  const Value* kind = root.find("kind");
  const Value* items = root.find("items");
  const bool list = kind && kind->text.ends_with("List") && items && items->type == Value::Type::kList;
  if (!list) {
    out.push_back(std::make_shared<const Document>(origin, std::move(root)));
    return;
  }
  for (const Value& item : items->items) out.push_back(std::make_shared<const Document>(origin, item));
}

}  // namespace

bool is_hidden(std::string_view name) { return name.starts_with('.'); }
bool is_yaml(std::string_view name) {
  return !is_hidden(name) && (name.ends_with(".yaml") || name.ends_with(".yml"));
}

OriginUpdate parse_origin(const std::string& origin, std::string_view text) {
  auto roots = parse_yaml(text);
  if (!roots) return unreadable(origin, ProblemCode::kSyntax, roots.error().position, roots.error().message);
  OriginUpdate update{origin, OriginUpdate::What::kContent, {}, {}};
  for (Value& root : *roots) expand(origin, std::move(root), update.documents);
  return update;
}

OriginUpdate read_file(const std::string& path, const std::string& origin, std::size_t bytes_max, bool ask_writers) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return {origin, OriginUpdate::What::kGone, {}, {}};
    return unreadable(origin, ProblemCode::kUnreadable, {}, std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return unreadable(origin, ProblemCode::kUnreadable, {}, "not a regular file");
  }
  if (ask_writers && is_being_written(file.get())) {
    return unreadable(origin, ProblemCode::kUnreadable, {},
                      "a program has it open for writing; it is read when that is done");
  }
  std::string text;
  char block[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.get(), block, sizeof block);
    if (got < 0) return unreadable(origin, ProblemCode::kUnreadable, {}, std::strerror(errno));
    if (got == 0) break;
    text.append(block, static_cast<std::size_t>(got));
    if (text.size() > bytes_max) {
      return unreadable(origin, ProblemCode::kTooLarge, {}, "more than " + std::to_string(bytes_max) + " bytes");
    }
  }
  return parse_origin(origin, text);
}

void list_folder(const std::string& root, const std::string& folder, Listing& out) {
  out.folders.insert(folder);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root + '/' + folder, error)) {
    const std::string name = entry.path().filename().string();
    const std::string origin = folder.empty() ? name : folder + '/' + name;
    if (is_hidden(name)) continue;
    if (entry.is_directory(error) && !entry.is_symlink(error)) {
      list_folder(root, origin, out);
    } else if (is_yaml(name)) {
      out.files.insert(origin);
    }
  }
}

}  // namespace weft::controlplane
