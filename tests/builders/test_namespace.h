// A network namespace for tests: nameless, gone with the object.
#pragma once

#include <fcntl.h>
#include <sched.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "dataplane/nic/file_descriptor.h"
#include "dataplane/nic/network_namespace.h"

namespace weft::nic {

class TestNamespace {
 public:
  TestNamespace() {
    std::thread([this] {
      if (::unshare(CLONE_NEWNET) == 0) fd_ = FileDescriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
  }
  bool valid() const { return static_cast<bool>(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
  void close() { fd_ = FileDescriptor(); }

  // Standard output and error of a shell command inside.
  std::string run(const std::string& command) const {
    std::string output;
    const Outcome outcome = in_network_namespace(path(), [&]() -> Outcome {
      output = shell(command);
      return {};
    });
    return outcome ? output : outcome.error();
  }
  static std::string shell(const std::string& command) {
    std::string output;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> part;
    while (pipe != nullptr && std::fgets(part.data(), part.size(), pipe) != nullptr) output += part.data();
    if (pipe != nullptr) ::pclose(pipe);
    return output;
  }

 private:
  FileDescriptor fd_;
};

}  // namespace weft::nic
