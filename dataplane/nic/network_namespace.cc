#include "dataplane/nic/network_namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <thread>

#include "dataplane/nic/file_descriptor.h"

namespace weft::nic {

Outcome in_network_namespace(const std::string& path, const std::function<Outcome()>& function) {
  if (path.empty()) return function();
  const FileDescriptor target(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!target) return failure("open network namespace " + path);
  Outcome outcome;
  std::thread([&] {
    if (::setns(target.get(), CLONE_NEWNET) != 0) {
      outcome = failure("enter network namespace " + path);
    } else {
      outcome = function();
    }
  }).join();
  return outcome;
}

}  // namespace weft::nic
