#include "dataplane/agent/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace weft::agent {
namespace {

constexpr std::string_view kLeast =
    R"(node: {name: node-a}
uplink: {device: "net_af_packet0,iface=up0"}
xds: {address: "istiod:15012", root_ca: /ca.pem}
ca: {token_file: /token}
cluster_source: {directory: /cluster}
)";

// The least configuration with more lines after it (from line 6 on).
std::expected<Bootstrap, std::string> with(std::string_view more) {
  return parse_bootstrap(std::string(kLeast) + std::string(more), "dp.yaml");
}

TEST(Bootstrap, LeastConfigurationHasDefaults) {
  const auto b = with("");
  ASSERT_TRUE(b) << b.error();
  EXPECT_EQ(b->node.name, "node-a");
  EXPECT_EQ(b->workers.count, 2u);
  EXPECT_EQ(b->ca.address, "istiod:15012") << "the CA is where xDS is";
  EXPECT_EQ(b->ca.root_ca, "/ca.pem");
}

TEST(Bootstrap, ReadsValuesWithUnits) {
  const auto b = with(R"(workers: {count: 1, cores: [3], poll: busy, spin: 20us}
memory: {dpdk: 1GiB, huge_pages: true}
routes: [{destination: 192.0.2.0/24, via: 10.0.0.1}, {destination: "2001:db8::/32", via: host}]
admin: {address: "[::1]:9000"}
log: {level: debug, format: json}
)");
  ASSERT_TRUE(b) << b.error();
  EXPECT_EQ(b->workers.spin, Duration::microseconds(20));
  EXPECT_EQ(b->workers.poll, PollMode::kBusy);
  EXPECT_EQ(b->memory.dpdk_bytes, 1u << 30);
  ASSERT_EQ(b->routes.size(), 2u);
  EXPECT_TRUE(b->routes[1].to_host);
  EXPECT_EQ(b->admin.address.to_string(), "[::1]:9000");
}

struct Bad {
  std::string_view yaml;
  std::string_view error;
};

class BootstrapRefuses : public testing::TestWithParam<Bad> {};

TEST_P(BootstrapRefuses, NamingFileLineColumnAndKey) {
  const auto b = with(GetParam().yaml);
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BootstrapRefuses,
    testing::Values(
        Bad{"workers:\n  cuont: 2\n", "dp.yaml:7:3: workers.cuont: unknown key; known here: cores, count, poll, spin"},
        Bad{"sidecar: {}\n",
            "dp.yaml:6:1: sidecar: unknown key; known here: admin, ca, cluster_source, host, log, memory, mesh, node, "
            "pods, routes, socket, state_file, tcp, tls, uplink, workers, xds"},
        Bad{"workers:\n  spin: 50\n", "dp.yaml:7:9: workers.spin: '50' has no unit; units are us, ms, s, m, h"},
        Bad{"workers: {spin: 50MiB}\n",
            "dp.yaml:6:17: workers.spin: '50MiB' has the unknown unit 'MiB'; units are us, ms, s, m, h"},
        Bad{"workers: {spin: 1s}\n", "dp.yaml:6:17: workers.spin: '1s' is not between 0us and 100ms"},
        Bad{"workers: {spin: -1s}\n",
            "dp.yaml:6:17: workers.spin: '-1s' does not start with a whole number; write it like 50ms"},
        Bad{"memory: {dpdk: 1MB}\n",
            "dp.yaml:6:16: memory.dpdk: '1MB' has the unknown unit 'MB'; units are B, KiB, MiB, GiB"},
        Bad{"memory: {dpdk: 99999999999999GiB}\n", "dp.yaml:6:16: memory.dpdk: '99999999999999GiB' is too large"},
        Bad{"memory: {buffers: 1e5}\n", "dp.yaml:6:19: memory.buffers: '1e5' is not a whole number"},
        Bad{"workers: {count: 0}\n", "dp.yaml:6:18: workers.count: '0' is not between 1 and 64"},
        Bad{"workers: {cores: [1]}\n", "dp.yaml:6:18: workers.cores: names 1 cores for 2 workers"},
        Bad{"workers: {cores: 1}\n", "dp.yaml:6:18: workers.cores: wanted a list"},
        Bad{"workers: {poll: epoll}\n", "dp.yaml:6:17: workers.poll: 'epoll' is none of: adaptive, busy"},
        Bad{"workers: 3\n", "dp.yaml:6:10: workers: wanted a mapping"},
        Bad{"workers:\n  count:\n", "dp.yaml:7:3: workers.count: has no value"},
        Bad{"memory: {huge_pages: yes}\n", "dp.yaml:6:22: memory.huge_pages: 'yes' is neither true nor false"},
        Bad{"host: {addresses: [10.0.0.256]}\n", "dp.yaml:6:20: host.addresses[0]: '10.0.0.256' is not an IP address"},
        Bad{"host: {interface: a-very-long-device-name}\n",
            "dp.yaml:6:19: host.interface: 'a-very-long-device-name' cannot be a network device's name (at most 15 "
            "characters, no '/')"},
        Bad{"routes: [{destination: 10.0.0.1/8, via: host}]\n",
            "dp.yaml:6:24: routes[0].destination: '10.0.0.1/8' has bits beyond its length"},
        Bad{"routes: [{destination: 10.0.0.0/8, via: \"fd00::1\"}]\n",
            "dp.yaml:6:10: routes[0]: destination and via differ in family"},
        Bad{"routes: [{destination: 10.0.0.0/8, dev: up}]\n",
            "dp.yaml:6:36: routes[0].dev: unknown key; known here: destination, via"},
        Bad{"admin: {address: \"127.0.0.1\"}\n", "dp.yaml:6:18: admin.address: '127.0.0.1' is not address:port"},
        Bad{"admin: {address: \"127.0.0.1:70000\"}\n",
            "dp.yaml:6:18: admin.address: '127.0.0.1:70000' is not address:port"},
        Bad{"mesh: {trust_domain: \"a/b\"}\n",
            "dp.yaml:6:22: mesh.trust_domain: 'a/b' is not a DNS name (a-z, 0-9, '-', '.')"},
        Bad{"node: {name: b}\n", "dp.yaml:6:1: node: stands here a second time"},
        Bad{"socket: node.sock\n", "dp.yaml:6:9: socket: 'node.sock' is not an absolute path"},
        Bad{"tls: [\n", "dp.yaml:7:1: not YAML: end of sequence flow not found"},
        Bad{"---\nlog: {}\n", "dp.yaml:7:1: a second document"}));

TEST(Bootstrap, NamesWhatIsMissing) {
  const auto b = parse_bootstrap("node: {name: a}\nuplink:\n  mtu: 1500\n", "dp.yaml");
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error(), "dp.yaml:3:3: uplink.device: is required and missing");
  EXPECT_EQ(parse_bootstrap("", "dp.yaml").error(), "dp.yaml:1:1: node.name: is required and missing");
}

TEST(Bootstrap, ContradictionsAreNamed) {
  const auto b = parse_bootstrap(
      "node: {name: a}\nuplink: {device: d}\nxds: {address: 'a:1', root_ca: r, backoff_min: 20s}\n"
      "ca: {token_file: t}\ncluster_source: {directory: d}\n",
      "dp.yaml");
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error(), "dp.yaml:3:48: xds.backoff_min: is larger than xds.backoff_max");
}

// The keys of an annotated file: commented ones ("  # network: x") count as documented, too.
struct DocumentedKeys {
  std::set<std::string> keys;
  std::set<std::string> undocumented;  // no comment on the line before
};

DocumentedKeys documented_keys(std::istream& file) {
  DocumentedKeys out;
  std::string line, section;
  bool comment_before = false;
  const auto is_key = [](std::string_view text) {
    const std::size_t colon = text.find(':');
    return colon != std::string_view::npos && colon > 0 &&
           text.substr(0, colon).find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string_view::npos;
  };
  while (std::getline(file, line)) {
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    std::string text = line.substr(indent);
    const bool comment = text.starts_with("# ") || text == "#";
    // "# network: network1" is a key that is off; a comment with more words is prose.
    const bool one_word = std::count(text.begin(), text.end(), ' ') == 2;
    if (indent == 2 && comment && one_word && is_key(text.substr(2))) text = text.substr(2);
    if (!text.empty() && text[0] != '#' && is_key(text)) {
      const std::string name = text.substr(0, text.find(':'));
      const bool opens = text.back() == ':';
      if (indent == 0 && opens) section = name;
      const std::string path = indent == 0 ? name : section + "." + name;
      if (!(indent == 0 && opens)) {
        out.keys.insert(path);
        if (!comment_before) out.undocumented.insert(path);
      }
    }
    comment_before = comment;
  }
  return out;
}

TEST(Bootstrap, AnnotatedFileAndStructAreInStep) {
  const std::string path = WEFT_SOURCE_DIR "/configs/dataplane.yaml";
  const auto b = load_bootstrap(path);
  ASSERT_TRUE(b) << b.error();
  std::ifstream file(path);
  const DocumentedKeys documented = documented_keys(file);
  const std::vector<std::string> keys = bootstrap_keys();
  EXPECT_EQ(documented.keys, std::set<std::string>(keys.begin(), keys.end()));
  EXPECT_EQ(documented.undocumented, std::set<std::string>());
}

TEST(Bootstrap, ProfilesAreAccepted) {
  for (const char* profile : {"latency", "throughput", "shared-cores"}) {
    const auto b = load_bootstrap(std::string(WEFT_SOURCE_DIR "/configs/profiles/") + profile + ".yaml");
    EXPECT_TRUE(b) << b.error();
  }
}

TEST(Bootstrap, AnnotatedFileShowsTheDefaults) {
  const auto file = load_bootstrap(WEFT_SOURCE_DIR "/configs/dataplane.yaml");
  ASSERT_TRUE(file) << file.error();
  const Bootstrap defaults;
  EXPECT_EQ(file->workers.count, defaults.workers.count);
  EXPECT_EQ(file->workers.spin, defaults.workers.spin);
  EXPECT_EQ(file->memory.dpdk_bytes, defaults.memory.dpdk_bytes);
  EXPECT_EQ(file->memory.buffers, defaults.memory.buffers);
  EXPECT_EQ(file->memory.large_buffers, defaults.memory.large_buffers);
  EXPECT_EQ(file->pods.ready_timeout, defaults.pods.ready_timeout);
  EXPECT_EQ(file->pods.memory_limit, defaults.pods.memory_limit);
  EXPECT_EQ(file->tcp.receive_buffer, defaults.tcp.receive_buffer);
  EXPECT_EQ(file->tcp.user_timeout, defaults.tcp.user_timeout);
  EXPECT_EQ(file->tcp.ecn, defaults.tcp.ecn);
  EXPECT_EQ(file->tcp.keepalive_idle, defaults.tcp.keepalive_idle);
  EXPECT_EQ(file->tls.handshake_timeout, defaults.tls.handshake_timeout);
  EXPECT_EQ(file->xds.keepalive, defaults.xds.keepalive);
  EXPECT_EQ(file->xds.backoff_max, defaults.xds.backoff_max);
  EXPECT_EQ(file->ca.lifetime, defaults.ca.lifetime);
  EXPECT_EQ(file->ca.backoff_max, defaults.ca.backoff_max);
  EXPECT_EQ(file->admin.address, defaults.admin.address);
}

}  // namespace
}  // namespace weft::agent
