#include "cni/request.h"

#include <gtest/gtest.h>

namespace weft::cni {
namespace {

constexpr const char* kConfig =
    R"({"cniVersion":"1.1.0","name":"weft","type":"weft-cni","ipam":{"type":"host-local"}})";

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> std::optional<std::string> {
    auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

std::map<std::string, std::string> add_environment() {
  return {{"CNI_COMMAND", "ADD"},   {"CNI_CONTAINERID", "c0ffee"}, {"CNI_NETNS", "/run/netns/x"},
          {"CNI_IFNAME", "eth0"},   {"CNI_PATH", "/opt/cni/bin:/usr/lib/cni"},
          {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web"}};
}

TEST(Request, ReadsAnAdd) {
  auto request = parse_request(environment(add_environment()), kConfig);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->command, Command::kAdd);
  EXPECT_EQ(request->arg("K8S_POD_NAME"), "web");
  EXPECT_EQ(request->path, (std::vector<std::string>{"/opt/cni/bin", "/usr/lib/cni"}));
  EXPECT_EQ(request->config.socket, "/run/weft/node.sock");
}

std::string nested(std::size_t levels) {
  return R"({"cniVersion":"1.1.0","name":"weft","ipam":)" + std::string(levels, '[') + std::string(levels, ']') + "}";
}

struct Refusal {
  const char* what;
  std::map<std::string, std::string> change;  // of the environment
  std::string config;
  ErrorCode code;
  const char* says;
};

TEST(Request, RefusesByNameAndCode) {
  const Refusal refusals[] = {
      {"no command", {{"CNI_COMMAND", ""}}, kConfig, ErrorCode::kInvalidEnvironment, "CNI_COMMAND"},
      {"unknown command",
       {{"CNI_COMMAND", "RENEW"}},
       kConfig,
       ErrorCode::kInvalidEnvironment,
       "CNI_COMMAND"},
      {"container id",
       {{"CNI_CONTAINERID", "../etc"}},
       kConfig,
       ErrorCode::kInvalidEnvironment,
       "CNI_CONTAINERID"},
      {"interface", {{"CNI_IFNAME", "a/b"}}, kConfig, ErrorCode::kInvalidEnvironment, "CNI_IFNAME"},
      {"long interface",
       {{"CNI_IFNAME", "sixteen-letters-"}},
       kConfig,
       ErrorCode::kInvalidEnvironment,
       "CNI_IFNAME"},
      {"interface not UTF-8",
       {{"CNI_IFNAME", "eth\xc3"}},
       kConfig,
       ErrorCode::kInvalidEnvironment,
       "CNI_IFNAME is not"},
      {"netns not UTF-8",
       {{"CNI_NETNS", "/run/\xff"}},
       kConfig,
       ErrorCode::kInvalidEnvironment,
       "CNI_NETNS is not"},
      {"args not UTF-8",
       {{"CNI_ARGS", "K8S_POD_NAME=\xfe"}},
       kConfig,
       ErrorCode::kInvalidEnvironment,
       "CNI_ARGS is not"},
      {"no netns", {{"CNI_NETNS", ""}}, kConfig, ErrorCode::kInvalidEnvironment, "CNI_NETNS"},
      {"args", {{"CNI_ARGS", "K8S_POD_NAME"}}, kConfig, ErrorCode::kInvalidEnvironment, "CNI_ARGS"},
      {"not JSON", {}, "{", ErrorCode::kDecoding, "JSON"},
      {"a list", {}, "[]", ErrorCode::kDecoding, "object"},
      {"a number that no double holds",
       {},
       R"({"cniVersion":"1.1.0","name":"weft","mtu":1e999})",
       ErrorCode::kDecoding,
       "number overflow"},
      {"nested to the end of the stack",
       {},
       nested(200'000),
       ErrorCode::kDecoding,
       "nested deeper"},
      {"future version",
       {},
       R"({"cniVersion":"9.0.0","name":"weft"})",
       ErrorCode::kIncompatibleVersion,
       "9.0.0"},
      {"no version", {}, R"({"name":"weft"})", ErrorCode::kIncompatibleVersion, "0.1.0"},
      {"no name", {}, R"({"cniVersion":"1.1.0"})", ErrorCode::kInvalidConfig, "name"},
      {"misspelt key",
       {},
       R"({"cniVersion":"1.1.0","name":"weft","sokcet":"/x"})",
       ErrorCode::kUnsupportedField,
       "sokcet"},
      {"mtu",
       {},
       R"({"cniVersion":"1.1.0","name":"weft","mtu":"9000"})",
       ErrorCode::kInvalidConfig,
       "mtu"},
      {"masquerade",
       {},
       R"({"cniVersion":"1.1.0","name":"weft","ipMasq":true})",
       ErrorCode::kUnsupportedField,
       "ipMasq"},
      {"attachments",
       {},
       R"({"cniVersion":"1.1.0","name":"weft","cni.dev/valid-attachments":[{"ifname":"eth0"}]})",
       ErrorCode::kInvalidConfig,
       "containerID"},
  };
  for (const Refusal& refusal : refusals) {
    auto values = add_environment();
    for (const auto& [name, value] : refusal.change) values[name] = value;
    auto request = parse_request(environment(values), refusal.config);
    ASSERT_FALSE(request) << refusal.what;
    EXPECT_EQ(request.error().code, refusal.code) << refusal.what << ": " << request.error().message;
    EXPECT_NE((request.error().message + request.error().details).find(refusal.says), std::string::npos)
        << refusal.what << ": " << request.error().message;
  }
}

TEST(Request, ReadsAsDeepAsPeopleWrite) {
  EXPECT_TRUE(parse_config(nested(60)));
  EXPECT_TRUE(parse_config(R"({"cniVersion":"1.1.0","name":"weft","args":{"a":"[[\"[["}})"));
}

TEST(Request, AnErrorIsTheSpecificationsJson) {
  const auto text = to_json({ErrorCode::kTryAgainLater, "the appliance is away", "socket /x"}, "1.0.0");
  EXPECT_EQ(text, R"({"cniVersion":"1.0.0","code":11,"msg":"the appliance is away","details":"socket /x"})");
}

TEST(Request, VersionNeedsNoConfiguration) {
  EXPECT_TRUE(parse_request(environment({{"CNI_COMMAND", "VERSION"}}), ""));
}

}  // namespace
}  // namespace weft::cni
