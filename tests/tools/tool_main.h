// main() of a tool: what it throws is its last line on stderr, and `failure` the exit code.
#pragma once

#include <cstdio>
#include <exception>

namespace weft::tools {

inline int tool_main(const char* name, int (*run)(int, char**), int argc, char** argv, int failure = 1) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return failure;
  }
}

}  // namespace weft::tools
