// The openssl command line as a peer: a process, its terminal, its certificates as files, and a pump over a socket.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "dataplane/tls/test_pair.h"

namespace weft::tls {

// What a file descriptor has to say now, within a short wait.
inline std::string read_some(int fd, int wait_ms) {
  pollfd poller{fd, POLLIN, 0};
  if (poll(&poller, 1, wait_ms) <= 0) return {};
  std::string bytes(16384, '\0');
  const ssize_t n = read(fd, bytes.data(), bytes.size());
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

// An openssl command with its terminal in our hands.
class Openssl {
 public:
  explicit Openssl(std::vector<std::string> arguments) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::abort();
    arguments.insert(arguments.begin(), "openssl");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(out[1], 2);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execvp("openssl", argv.data());
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  ~Openssl() {
    close_input();
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(from_);
  }
  void type(std::string_view text) {
    ASSERT_EQ(write(to_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close_input() {
    if (to_ >= 0) close(std::exchange(to_, -1));
  }
  void collect(int wait_ms = 0) {
    for (std::string more = read_some(from_, wait_ms); !more.empty(); more = read_some(from_, 0)) printed_ += more;
  }
  bool printed(std::string_view text) const { return printed_.find(text) != std::string::npos; }
  const std::string& everything() const { return printed_; }

 private:
  pid_t pid_;
  int to_, from_;
  std::string printed_;
};

// Moves bytes between a session and a socket until `done`, or ten seconds. Counts the bytes sent.
inline bool pump(Pair& pair, Session& session, int socket, Openssl& openssl, std::size_t* sent,
          const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < deadline) {
    pair.pump(session);
    const std::string out = text_of(session.take_ciphertext());
    if (!out.empty() && send(socket, out.data(), out.size(), MSG_NOSIGNAL) < 0) return done();
    *sent += out.size();
    openssl.collect();
    if (done()) return true;
    const std::string in = read_some(socket, 5);
    if (!in.empty()) session.on_ciphertext(pair.bytes(in));
  }
  return false;
}

// openssl judges by the real clock.
inline void use_real_time(Pair& pair) {
  pair.now = time(nullptr);
  pair.mesh = crypto::TestMesh("cluster.local", pair.now);
  pair.client_credentials = pair.mesh.credentials("client");
  pair.server_credentials = pair.mesh.credentials("server");
}

// The certificates of one workload of the mesh as files for the command line.
struct Files {
  Files(Pair& pair, const std::string& account) {
    use_real_time(pair);
    const auto workload = pair.mesh.workload(account);
    char name[] = "/tmp/weft-tls-XXXXXX";
    folder = mkdtemp(name);
    std::ofstream(cert()) << workload.certificate.pem();
    std::ofstream(key()) << workload.key.pem();
    std::ofstream(root()) << pair.mesh.root().pem();
  }
  ~Files() {
    for (const std::string& file : {cert(), key(), root()}) unlink(file.c_str());
    rmdir(folder.c_str());
  }
  std::string cert() const { return folder + "/cert.pem"; }
  std::string key() const { return folder + "/key.pem"; }
  std::string root() const { return folder + "/root.pem"; }
  std::string folder;
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

}  // namespace weft::tls
