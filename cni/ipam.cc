#include "cni/ipam.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cni/json.h"

namespace weft::cni {

namespace {

using nlohmann::json;

// The child's side: stdin and stdout on the pipes, stderr kept (the runtime logs it).
[[noreturn]] void become(const std::string& program, const std::string& command, int in, int out) {
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::setenv("CNI_COMMAND", command.c_str(), 1);
  ::execl(program.c_str(), program.c_str(), nullptr);
  ::_exit(127);
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) return;  // a plugin that does not read its stdin
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_all(int fd) {
  std::string all;
  char chunk[4096];
  for (ssize_t n; (n = ::read(fd, chunk, sizeof chunk)) > 0;) all.append(chunk, static_cast<std::size_t>(n));
  return all;
}

Result<std::string> find_program(const std::string& type, const std::vector<std::string>& path) {
  if (type.empty() || type.find('/') != std::string::npos) {
    return fail(ErrorCode::kInvalidConfig, "ipam.type: missing, or not a plugin's name", type);
  }
  for (const std::string& folder : path) {
    std::string program = absl::StrCat(folder, "/", type);
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return fail(ErrorCode::kInvalidConfig, absl::StrCat("IPAM plugin \"", type, "\" is not in CNI_PATH"),
              absl::StrJoin(path, ":"));
}

Result<std::vector<std::string>> versions_of(const std::string& program) {
  auto done = execute(program, "VERSION", absl::StrCat(R"({"cniVersion":")", kNewestVersion, "\"}"));
  if (!done) return std::unexpected(done.error());
  const json answer = read_json(done->output).value_or(json());
  const json list = answer.is_object() ? answer.value("supportedVersions", json()) : json();
  if (!list.is_array())
    return fail(ErrorCode::kIpamFailed, absl::StrCat(program, " does not answer VERSION"),
                done->output);
  std::vector<std::string> versions;
  for (const json& version : list) {
    if (version.is_string()) versions.push_back(version);
  }
  return versions;
}

// A plugin's failure: its own error JSON, or what it printed.
Error failure_of(const std::string& program, const std::string& command, const ExecResult& done) {
  const json answer = read_json(done.output).value_or(json());
  if (answer.is_object() && answer.contains("msg") && answer["msg"].is_string()) {
    return {ErrorCode::kIpamFailed, absl::StrCat("IPAM ", command, ": ", answer["msg"].get<std::string>()),
            answer.value("details", json("")).is_string() ? answer.value("details", "") : ""};
  }
  return {ErrorCode::kIpamFailed, absl::StrCat("IPAM ", command, ": ", program, " ended with ", done.exit_code),
          done.output.substr(0, 500)};
}

}  // namespace

Result<ExecResult> execute(const std::string& program, const std::string& command, const std::string& input) {
  int to_child[2], from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) {
    return fail(ErrorCode::kIo, absl::StrCat("pipe: ", std::strerror(errno)));
  }
  std::signal(SIGPIPE, SIG_IGN);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(ErrorCode::kIo, absl::StrCat("fork: ", std::strerror(errno)));
  if (pid == 0) become(program, command, to_child[0], from_child[1]);
  ::close(to_child[0]);
  ::close(from_child[1]);
  write_all(to_child[1], input);
  ::close(to_child[1]);
  ExecResult result;
  result.output = read_all(from_child[0]);
  ::close(from_child[0]);
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return fail(ErrorCode::kIo, absl::StrCat("waitpid: ", std::strerror(errno)));
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string negotiate(const std::vector<std::string>& supported, const std::string& wanted) {
  std::string best;
  for (const std::string& version : supported) {
    const bool known = std::find(std::begin(kVersions), std::end(kVersions), version) != std::end(kVersions);
    if (known && !version_less(wanted, version) && (best.empty() || version_less(best, version))) best = version;
  }
  return best;
}

Result<Ipam> Ipam::open(const Request& request) {
  const json& options = request.config.ipam;
  if (!options.is_object() || !options.value("type", json()).is_string()) {
    return fail(ErrorCode::kInvalidConfig, "ipam: missing; the pod needs an address",
                "for example {\"type\": \"host-local\", ...}");
  }
  Ipam ipam;
  auto program = find_program(options["type"], request.path);
  if (!program) return std::unexpected(program.error());
  ipam.program_ = *program;
  auto versions = versions_of(ipam.program_);
  if (!versions) return std::unexpected(versions.error());
  ipam.version_ = negotiate(*versions, request.config.cni_version);
  if (ipam.version_.empty()) {
    return fail(ErrorCode::kIncompatibleVersion,
                absl::StrCat("IPAM plugin ", ipam.program_, " speaks no version up to ", request.config.cni_version),
                absl::StrCat("it speaks ", absl::StrJoin(*versions, ", ")));
  }
  json config = request.config.whole;
  config["cniVersion"] = ipam.version_;
  config.erase("prevResult");  // it is in the configuration's version, not in this one, and IPAM needs none
  ipam.config_ = config.dump();
  return ipam;
}

Result<std::string> Ipam::call(const std::string& command) const {
  auto done = execute(program_, command, config_);
  if (!done) return std::unexpected(done.error());
  if (done->exit_code != 0) return std::unexpected(failure_of(program_, command, *done));
  return std::move(done->output);
}

Result<IpamResult> Ipam::add() const {
  auto output = call("ADD");
  if (!output) return std::unexpected(output.error());
  return parse_ipam_result(*output);
}

Result<void> Ipam::del() const {
  auto output = call("DEL");
  if (!output) return std::unexpected(output.error());
  return {};
}

Result<void> Ipam::check() const {
  auto output = call("CHECK");
  if (!output) return std::unexpected(output.error());
  return {};
}

}  // namespace weft::cni
