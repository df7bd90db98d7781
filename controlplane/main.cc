#include <sstream>
// weft-controlplane: configuration in, xDS and certificates out.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/log.h"
#include "controlplane/bootstrap.h"
#include "controlplane/server.h"
#include "controlplane/status_pages.h"

namespace weft::controlplane {
namespace {

constexpr int kFailed = 1;      // it could not start or go on
constexpr int kBadStart = 2;    // flags or configuration file: nothing was started

struct Flags {
  std::string config_file;
  std::string config_directory;
  std::string ca_directory;
  std::string plugged_in;
  std::vector<std::string> server_names;
  bool check = false;
};

std::string timestamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  gmtime_r(&now.tv_sec, &parts);
  char text[40];
  const std::size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + n, sizeof text - n, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

void text_sink(LogLevel level, std::string_view component, std::string_view message) {
  const std::string line = timestamp() + " " + std::string(to_string(level)) + " " + std::string(component) + ": " +
                           std::string(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void json_sink(LogLevel level, std::string_view component, std::string_view message) {
  std::string quoted;
  for (const char c : message) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  const std::string line = "{\"time\":\"" + timestamp() + "\",\"level\":\"" + std::string(to_string(level)) +
                           "\",\"component\":\"" + std::string(component) + "\",\"message\":\"" + quoted + "\"}\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

// istiod's environment variables count more than the file, since a chart sets them for a reason; the flags count most.
std::expected<void, std::string> read_environment(Bootstrap& bootstrap) {
  if (const char* accounts = std::getenv("CA_TRUSTED_NODE_ACCOUNTS")) {
    bootstrap.ca.trusted_node_accounts.clear();
    std::stringstream list(accounts);
    for (std::string account; std::getline(list, account, ',');) {
      if (!account.empty()) bootstrap.ca.trusted_node_accounts.push_back(account);
    }
  }
  for (const auto& [name, field] : {std::pair{"DEFAULT_WORKLOAD_CERT_TTL", &bootstrap.ca.workload_ttl},
                                    std::pair{"MAX_WORKLOAD_CERT_TTL", &bootstrap.ca.max_workload_ttl}}) {
    const char* text = std::getenv(name);
    if (text == nullptr) continue;
    const auto duration = parse_duration(text);
    if (!duration) return std::unexpected(std::string(name) + ": " + duration.error());
    *field = *duration;
  }
  return {};
}

std::expected<Bootstrap, std::string> read_bootstrap(const Flags& flags) {
  std::expected<Bootstrap, std::string> bootstrap = Bootstrap();
  if (!flags.config_file.empty()) bootstrap = load_bootstrap(flags.config_file);
  if (!bootstrap) return bootstrap;
  if (auto read = read_environment(*bootstrap); !read) return std::unexpected(read.error());
  if (!flags.config_directory.empty()) bootstrap->config.directory = flags.config_directory;
  if (!flags.ca_directory.empty()) bootstrap->ca.directory = flags.ca_directory;
  if (!flags.plugged_in.empty()) bootstrap->ca.plugged_in = flags.plugged_in;
  for (const std::string& name : flags.server_names) bootstrap->ca.server_names.push_back(name);
  if (bootstrap->config.directory.empty()) {
    return std::unexpected("config.directory is not set: the directory of YAML files to serve (or --config-directory)");
  }
  return bootstrap;
}

void apply_log(const Bootstrap& bootstrap) {
  set_log_sink(bootstrap.log.json ? json_sink : text_sink);
  set_log_level(bootstrap.log.level);
}

void reload(const Flags& flags, Server& server) {
  auto bootstrap = read_bootstrap(flags);
  if (!bootstrap) return log_error("main", "SIGHUP: the configuration stays as it was: " + bootstrap.error());
  apply_log(*bootstrap);
  server.apply(*bootstrap);
  log_info("main", "SIGHUP: certificate lifetimes and log level read again; the rest needs a restart");
}

int serve(const Flags& flags, const Bootstrap& bootstrap) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, each);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread, so that all inherit it
  signal(SIGPIPE, SIG_IGN);
  auto server = Server::start(bootstrap);
  if (!server) {
    log_error("main", server.error());
    return kFailed;
  }
  log_info("main", "serving " + bootstrap.config.directory + ": xDS and CA at " + (*server)->secure().to_string() +
                       ", plaintext xDS at " + (*server)->plaintext().to_string() + ", metrics at " +
                       (*server)->monitoring().to_string() + ", ready at " + (*server)->ready().to_string());
  int received = 0;
  while (sigwait(&signals, &received) == 0 && received == SIGHUP) reload(flags, **server);
  log_info("main", "ending");
  return EXIT_SUCCESS;
}

int run(int argc, char** argv) {
  CLI::App app("Weft's control plane: serves configuration (xDS) and certificates to proxies, as istiod does.");
  Flags flags;
  app.add_option("-c,--config", flags.config_file, "Configuration file; see configs/controlplane.yaml");
  app.add_option("--config-directory", flags.config_directory, "Directory of YAML files that stand for the cluster");
  app.add_option("--ca-directory", flags.ca_directory, "Where the CA's and the token issuer's keys are kept");
  app.add_option("--plugged-in-ca", flags.plugged_in, "Directory with a CA of yours, as Istio's cacerts");
  app.add_option("--server-name", flags.server_names, "A further DNS name for the server certificate; repeatable");
  app.add_flag("--check", flags.check, "Only check flags and configuration file");
  app.set_version_flag("--version", "weft-controlplane " + std::string(kVersion));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? EXIT_SUCCESS : kBadStart;
  }
  auto bootstrap = read_bootstrap(flags);
  if (!bootstrap) {
    std::fprintf(stderr, "%s\n", bootstrap.error().c_str());
    return kBadStart;
  }
  apply_log(*bootstrap);
  return flags.check ? EXIT_SUCCESS : serve(flags, *bootstrap);
}

}  // namespace
}  // namespace weft::controlplane

int main(int argc, char** argv) { return weft::controlplane::run(argc, argv); }
