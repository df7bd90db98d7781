// For tests: this program once more as a process of its own, in a namespace, with --node and arguments.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <map>
#include <string>
#include <vector>

#include "tests/builders/test_namespace.h"

namespace weft::nic {

class Node {
 public:
  Node(const TestNamespace& place, std::vector<std::string> arguments) {
    int pipe[2];
    EXPECT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const Outcome outcome = in_network_namespace(place.path(), [&]() -> Outcome {
      pid_ = ::fork();
      if (pid_ == 0) become(std::move(arguments), pipe[1]);
      return {};
    });
    EXPECT_TRUE(outcome);
    ::close(pipe[1]);
    output_ = ::fdopen(pipe[0], "r");
  }
  ~Node() {
    stop();
    std::fclose(output_);
  }
  // The next line that the node prints; empty when it has died.
  std::string line() {
    std::array<char, 1024> text{};
    return std::fgets(text.data(), text.size(), output_) == nullptr ? "" : text.data();
  }
  // "name=value" words of its last line.
  std::map<std::string, std::string> stop() {
    if (pid_ <= 0) return {};
    ::kill(std::exchange(pid_, 0), SIGTERM);
    std::map<std::string, std::string> values;
    std::string text = line();
    std::printf("  %s", text.c_str());
    std::array<char, 64> word{}, value{};
    int used = 0;
    for (const char* p = text.c_str(); std::sscanf(p, "%63[a-z_]=%63s%n", word.data(), value.data(), &used) == 2;) {
      values[word.data()] = value.data();
      p += used;
      while (*p == ' ') ++p;
    }
    ::wait(nullptr);
    return values;
  }

 private:
  [[noreturn]] static void become(std::vector<std::string> arguments, int output) {
    ::dup2(output, STDOUT_FILENO);
    arguments.insert(arguments.begin(), {"port_test", "--node"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv("/proc/self/exe", argv.data());
    std::_Exit(127);
  }
  pid_t pid_ = 0;
  FILE* output_ = nullptr;
};

}  // namespace weft::nic
