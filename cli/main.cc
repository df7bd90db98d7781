// weftctl: the operator's tool.
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/token.h"
#include "cli/views.h"

namespace weft::cli {

namespace {

struct Options {
  std::string socket = "/run/weft/node.sock";
  std::string output = "table";
  std::map<std::string, std::string> arguments;  // of the query
  std::string pod;
  TokenRequest token;
  std::string lifetime = "24h";
};

constexpr int kExitUsage = 2;

// "pod", "namespace/pod" or istioctl's "pod.namespace".
void set_pod(Options& options) {
  if (options.pod.empty()) return;
  const std::size_t slash = options.pod.find('/'), dot = options.pod.find('.');
  if (slash != std::string::npos) {
    options.arguments["namespace"] = options.pod.substr(0, slash);
    options.arguments["pod"] = options.pod.substr(slash + 1);
  } else {
    options.arguments["pod"] = options.pod.substr(0, dot);
    if (dot != std::string::npos) options.arguments["namespace"] = options.pod.substr(dot + 1);
  }
}

int ask(Options& options, const std::string& topic) {
  set_pod(options);
  std::erase_if(options.arguments, [](const auto& argument) { return argument.second.empty(); });
  const auto document = query(options.socket, topic, options.arguments);
  if (!document) {
    std::cerr << "weftctl: " << document.error().text << "\n";
    return document.error().usage ? kExitUsage : 1;
  }
  std::cout << (options.output == "json" ? document->dump(2) + "\n" : format_document(topic, *document));
  return 0;
}

int print_token(Options& options) {
  const auto lifetime = parse_lifetime(options.lifetime);
  if (!lifetime) {
    std::cerr << "weftctl: --lifetime: " << lifetime.error() << "\n";
    return kExitUsage;
  }
  options.token.lifetime_seconds = *lifetime;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto token = make_token(options.token, std::chrono::duration_cast<std::chrono::seconds>(now).count());
  if (!token) {
    std::cerr << "weftctl: " << token.error() << "\n";
    return 1;
  }
  std::cout << *token << "\n";
  return 0;
}

CLI::App* add_topic(CLI::App& app, Options& options, const std::string& topic, const std::string& help, bool of_pods) {
  CLI::App* command = app.add_subcommand(topic, help);
  if (of_pods) {
    command->add_option("pod", options.pod, "NAME, NAMESPACE/NAME or NAME.NAMESPACE; absent: all");
    command->add_option("-n,--namespace", options.arguments["namespace"], "only pods of this namespace");
  }
  return command;
}

void add_token(CLI::App& app, Options& options) {
  CLI::App* token = app.add_subcommand("token", "print a node agent's token, signed with the control plane's key");
  token
      ->add_option("--ca-directory", options.token.ca_directory,
                   "where the control plane keeps its keys")
      ->capture_default_str();
  token->add_option("--node", options.token.node, "the node that the token is bound to")->required();
  token->add_option("--namespace", options.token.name_space, "of the agent's service account")->capture_default_str();
  token->add_option("--service-account", options.token.service_account, "the agent's own")->capture_default_str();
  token->add_option("--pod", options.token.pod, "the agent's pod")->capture_default_str();
  token->add_option("--pod-uid", options.token.pod_uid, "its uid");
  token->add_option("--audience", options.token.audience, "who shall accept it")->capture_default_str();
  token->add_option("--lifetime", options.lifetime, "such as 24h, 90m or 60s")->capture_default_str();
}

int run(int argc, char** argv) {
  CLI::App app{"Asks a Weft node appliance what it does and why."};
  Options options;
  if (const char* socket = std::getenv("WEFT_SOCKET")) options.socket = socket;
  app.add_option("--socket", options.socket,
                 "UNIX socket of weft-dataplane (environment: WEFT_SOCKET)")
      ->capture_default_str();
  app.add_option("-o,--output", options.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  app.set_version_flag("--version", std::string("weftctl ") + WEFT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  add_topic(app, options, "status", "the node at a glance", false);
  add_topic(app, options, "pods", "attached pods, and what those that are not ready still lack", true);
  CLI::App* connections = add_topic(app, options, "connections", "living connections", true);
  connections->add_option("--limit", options.arguments["limit"], "at most so many");
  CLI::App* config = add_topic(app, options, "config", "a pod's xDS resources as JSON", true);
  config->add_option("--type", options.arguments["type"], "clusters, endpoints or listeners");
  config->add_option("--name", options.arguments["name"], "one resource");
  add_topic(app, options, "certs", "certificates, their lifetimes and next renewals", false);
  CLI::App* explain = add_topic(app, options, "explain", "what decided recent connections, newest first", true);
  explain->add_option("--limit", options.arguments["limit"], "at most so many");
  CLI::App* drops = add_topic(app, options, "drops", "packets and segments that died, by reason", false);
  drops->add_flag_callback("--all", [&] { options.arguments["all"] = "true"; }, "also reasons at zero");
  add_token(app, options);
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  const std::string topic = app.get_subcommands().front()->get_name();
  return topic == "token" ? print_token(options) : ask(options, topic);
}

}  // namespace

}  // namespace weft::cli

int main(int argc, char** argv) { return weft::cli::run(argc, argv); }
