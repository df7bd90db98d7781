// Runs every script over IPv4 and over IPv6. Arguments: parts of the names of scripts to run; first of them may be
// --hand-over: every connection is frozen to bytes and thawed after each call.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>

#include "tests/conformance/scripts/script.h"

namespace script {

namespace {

int the_family = AF_INET;
bool hand_over = false;

bool wanted(const char* name, int argc, char** argv) {
  return argc < 2 || std::any_of(argv + 1, argv + argc, [name](const char* part) { return std::strstr(name, part); });
}

bool passes(const Entry& entry, int family) {
  the_family = family;
  try {
    Script t;
    entry.run(t);
    t.finish();
    return true;
  } catch (const std::exception& failure) {
    std::printf("%s (%s):\n  %s\n", entry.name, family == AF_INET ? "IPv4" : "IPv6", failure.what());
    return false;
  }
}

int run_all(int argc, char** argv) {
  int passed = 0, failed = 0;
  for (const Entry& entry : all_scripts()) {
    if (!wanted(entry.name, argc, argv)) continue;
    for (int family : {AF_INET, AF_INET6}) ++(passes(entry, family) ? passed : failed);
  }
  std::printf("conformance: %d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace

std::deque<Entry>& all_scripts() {
  static std::deque<Entry> scripts;
  return scripts;
}

int Script::family() { return the_family; }
bool Script::hands_over() { return hand_over; }

}  // namespace script

int main(int argc, char** argv) {
  script::hand_over = argc > 1 && std::strcmp(argv[1], "--hand-over") == 0;
  return script::hand_over ? script::run_all(argc - 1, argv + 1) : script::run_all(argc, argv);
}
