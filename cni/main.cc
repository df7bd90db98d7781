// weft-cni: the CNI plugin. A runtime executes it; a person who does is told so.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "cni/commands.h"

int main(int argc, char** argv) {
  using namespace weft::cni;
  if (argc > 1 || (std::getenv("CNI_COMMAND") == nullptr && isatty(STDIN_FILENO) != 0)) {
    std::cerr << argv[0] << ": CNI plugin of the Weft mesh; a container runtime runs it (CNI specification 1.1).\n"
              << "CNI protocol versions supported: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n";
    return 1;
  }
  // gRPC's own log lines would end in kubelet's log beside the error that we return.
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  auto environment = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  auto request = parse_request(environment, input);
  Result<std::string> answer = request ? run(*request) : std::unexpected(request.error());
  if (!answer) {
    std::cout << to_json(answer.error(), version_of(input)) << "\n";
    return 1;
  }
  if (!answer->empty()) std::cout << *answer << "\n";
  return 0;
}
