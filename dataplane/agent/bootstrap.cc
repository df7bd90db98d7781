#include "dataplane/agent/bootstrap.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "dataplane/agent/bootstrap_values.h"

namespace weft::agent {
namespace {

using Value = YamlValue;

constexpr Duration us(std::int64_t n) { return Duration::microseconds(n); }
constexpr Duration ms(std::int64_t n) { return Duration::milliseconds(n); }
constexpr Duration s(std::int64_t n) { return Duration::seconds(n); }
constexpr Duration h(std::int64_t n) { return Duration::seconds(n * 3600); }
constexpr std::uint64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;

RouteOptions route(const Value& v) {
  RouteOptions out;
  bool has_destination = false, has_via = false;
  for (const auto& [name, key, value] : v.entries()) {
    if (name == "destination") {
      out.destination = value.prefix();
      has_destination = true;
    } else if (name == "via") {
      has_via = true;
      out.to_host = value.text() == "host";
      if (!out.to_host) out.via = value.address();
    } else {
      key.fail("unknown key; known here: destination, via");
    }
  }
  if (!has_destination || !has_via) v.fail("wants destination and via");
  if (!out.to_host && out.via.is_v6() != out.destination.address.is_v6())
    v.fail("destination and via differ in family");
  return out;
}

template <typename T, typename Read>
std::vector<T> each(const Value& v, Read read) {
  std::vector<T> out;
  for (const Value& item : v.list()) out.push_back(read(item));
  return out;
}

struct Field {
  std::string_view path;
  void (*read)(Bootstrap&, const Value&);
  bool required = false;
};

// Every key there is. The bounds are what the code behind a key can honour.
constexpr Field kFields[] = {
    {"node.name", [](Bootstrap& b, const Value& v) { b.node.name = dns_name(v); }, true},
    {"mesh.trust_domain", [](Bootstrap& b, const Value& v) { b.mesh.trust_domain = dns_name(v); }},
    {"mesh.dns_domain", [](Bootstrap& b, const Value& v) { b.mesh.dns_domain = dns_name(v); }},
    {"mesh.cluster_id", [](Bootstrap& b, const Value& v) { b.mesh.cluster_id = v.text(); }},
    {"mesh.mesh_id", [](Bootstrap& b, const Value& v) { b.mesh.mesh_id = v.text(); }},
    {"mesh.network", [](Bootstrap& b, const Value& v) { b.mesh.network = v.text(); }},
    {"workers.count", [](Bootstrap& b, const Value& v) { b.workers.count = v.integer(1, 64); }},
    {"workers.cores",
     [](Bootstrap& b, const Value& v) {
       b.workers.cores = each<std::uint32_t>(v, [](const Value& i) { return i.integer(0, 1023); });
     }},
    {"workers.poll",
     [](Bootstrap& b, const Value& v) {
       b.workers.poll = v.one_of<PollMode>({{"adaptive", PollMode::kAdaptive}, {"busy", PollMode::kBusy}});
     }},
    {"workers.spin", [](Bootstrap& b, const Value& v) { b.workers.spin = v.duration(us(0), ms(100)); }},
    {"memory.huge_pages", [](Bootstrap& b, const Value& v) { b.memory.huge_pages = v.boolean(); }},
    {"memory.dpdk", [](Bootstrap& b, const Value& v) { b.memory.dpdk_bytes = v.bytes(64 * kMiB, 256 * kGiB); }},
    {"memory.buffers", [](Bootstrap& b, const Value& v) { b.memory.buffers = v.integer(2048, 1 << 24); }},
    {"memory.large_buffers", [](Bootstrap& b, const Value& v) { b.memory.large_buffers = v.integer(64, 1 << 20); }},
    {"uplink.device", [](Bootstrap& b, const Value& v) { b.uplink.device = v.text(); }, true},
    {"uplink.mtu", [](Bootstrap& b, const Value& v) { b.uplink.mtu = v.integer(1280, 9216); }},
    {"uplink.addresses",
     [](Bootstrap& b, const Value& v) {
       b.uplink.addresses = each<IpPrefix>(v, [](const Value& i) { return i.interface_address(); });
     }},
    {"uplink.gateways", [](Bootstrap& b, const Value& v) { b.uplink.gateways = one_a_family(v); }},
    {"host.interface", [](Bootstrap& b, const Value& v) { b.host.interface = device_name(v); }},
    {"host.mtu", [](Bootstrap& b, const Value& v) { b.host.mtu = v.integer(1280, 9216); }},
    {"host.addresses",
     [](Bootstrap& b, const Value& v) {
       b.host.addresses = each<IpAddress>(v, [](const Value& i) { return i.address(); });
     }},
    {"host.probes", [](Bootstrap& b, const Value& v) { b.host.probes = v.boolean(); }},
    {"pods.mtu", [](Bootstrap& b, const Value& v) { b.pods.mtu = v.integer(1280, 9216); }},
    {"pods.ready_timeout", [](Bootstrap& b, const Value& v) { b.pods.ready_timeout = v.duration(ms(0), s(300)); }},
    {"pods.memory_limit", [](Bootstrap& b, const Value& v) { b.pods.memory_limit = v.bytes(kMiB, 64 * kGiB); }},
    {"routes", [](Bootstrap& b, const Value& v) { b.routes = each<RouteOptions>(v, route); }},
    {"tcp.receive_buffer",
     [](Bootstrap& b, const Value& v) {
       b.tcp.receive_buffer = static_cast<std::uint32_t>(v.bytes(64 * kKiB, 64 * kMiB));
     }},
    {"tcp.send_buffer", [](Bootstrap& b, const Value& v) {
       b.tcp.send_buffer = static_cast<std::uint32_t>(v.bytes(64 * kKiB, 64 * kMiB));
     }},
    {"tcp.syn_queue_per_pod", [](Bootstrap& b, const Value& v) { b.tcp.syn_queue_per_pod = v.integer(16, 1 << 20); }},
    {"tcp.syn_cookies", [](Bootstrap& b, const Value& v) { b.tcp.syn_cookies = v.boolean(); }},
    {"tcp.congestion",
     [](Bootstrap& b, const Value& v) {
       b.tcp.congestion = v.one_of<Congestion>({{"cubic", Congestion::kCubic}, {"newreno", Congestion::kNewReno}});
     }},
    {"tcp.ecn",
     [](Bootstrap& b, const Value& v) {
       b.tcp.ecn = v.one_of<Ecn>({{"off", Ecn::kOff}, {"when_asked", Ecn::kWhenAsked}, {"always", Ecn::kAlways}});
     }},
    {"tcp.user_timeout", [](Bootstrap& b, const Value& v) { b.tcp.user_timeout = v.duration(s(0), h(24)); }},
    {"tcp.time_wait", [](Bootstrap& b, const Value& v) { b.tcp.time_wait = v.duration(s(1), s(240)); }},
    {"tcp.keepalive_idle", [](Bootstrap& b, const Value& v) { b.tcp.keepalive_idle = v.duration(s(0), h(24)); }},
    {"tcp.keepalive_interval", [](Bootstrap& b, const Value& v) { b.tcp.keepalive_interval = v.duration(s(1), h(1)); }},
    {"tcp.keepalive_probes", [](Bootstrap& b, const Value& v) { b.tcp.keepalive_probes = v.integer(1, 100); }},
    {"tls.handshake_threads", [](Bootstrap& b, const Value& v) { b.tls.handshake_threads = v.integer(1, 64); }},
    {"tls.handshake_timeout",
     [](Bootstrap& b, const Value& v) { b.tls.handshake_timeout = v.duration(ms(100), s(300)); }},
    {"tls.session_tickets", [](Bootstrap& b, const Value& v) { b.tls.session_tickets = v.boolean(); }},
    {"tls.record_cipher",
     [](Bootstrap& b, const Value& v) {
       b.tls.record_cipher = v.one_of<RecordCipher>(
           {{"auto", RecordCipher::kAuto}, {"ipsec_mb", RecordCipher::kIpsecMb}, {"openssl", RecordCipher::kOpenssl}});
     }},
    {"tls.key_schedules", [](Bootstrap& b, const Value& v) { b.tls.key_schedules = v.integer(16, 1 << 20); }},
    {"xds.address", [](Bootstrap& b, const Value& v) { b.xds.address = v.host_port(); }, true},
    {"xds.root_ca", [](Bootstrap& b, const Value& v) { b.xds.root_ca = v.text(); }, true},
    {"xds.server_name", [](Bootstrap& b, const Value& v) { b.xds.server_name = dns_name(v); }},
    {"xds.keepalive", [](Bootstrap& b, const Value& v) { b.xds.keepalive = v.duration(s(10), h(1)); }},
    {"xds.backoff_min", [](Bootstrap& b, const Value& v) { b.xds.backoff_min = v.duration(ms(10), s(60)); }},
    {"xds.backoff_max", [](Bootstrap& b, const Value& v) { b.xds.backoff_max = v.duration(ms(10), s(600)); }},
    {"ca.address", [](Bootstrap& b, const Value& v) { b.ca.address = v.host_port(); }},
    {"ca.root_ca", [](Bootstrap& b, const Value& v) { b.ca.root_ca = v.text(); }},
    {"ca.server_name", [](Bootstrap& b, const Value& v) { b.ca.server_name = dns_name(v); }},
    {"ca.token_file", [](Bootstrap& b, const Value& v) { b.ca.token_file = v.text(); }, true},
    {"ca.lifetime", [](Bootstrap& b, const Value& v) { b.ca.lifetime = v.duration(s(10), h(24 * 90)); }},
    {"ca.backoff_min", [](Bootstrap& b, const Value& v) { b.ca.backoff_min = v.duration(ms(10), s(60)); }},
    {"ca.backoff_max", [](Bootstrap& b, const Value& v) { b.ca.backoff_max = v.duration(ms(10), s(600)); }},
    {"cluster_source.directory", [](Bootstrap& b, const Value& v) { b.cluster_source.directory = v.text(); }, true},
    {"socket", [](Bootstrap& b, const Value& v) { b.socket = socket_path(v); }},
    {"state_file", [](Bootstrap& b, const Value& v) { b.state_file = absolute_path(v); }},
    {"admin.address", [](Bootstrap& b, const Value& v) { b.admin.address = v.endpoint(); }},
    {"log.level",
     [](Bootstrap& b, const Value& v) {
       b.log.level = v.one_of<LogLevel>({{"debug", LogLevel::kDebug},
                                         {"info", LogLevel::kInfo},
                                         {"warning", LogLevel::kWarning},
                                         {"error", LogLevel::kError}});
     }},
    {"log.format",
     [](Bootstrap& b, const Value& v) {
       b.log.format = v.one_of<LogFormat>({{"text", LogFormat::kText}, {"json", LogFormat::kJson}});
     }},
};

std::string known_under(std::string_view prefix) {
  std::set<std::string> names;
  for (const Field& field : kFields) {
    if (!field.path.starts_with(prefix)) continue;
    const std::string_view rest = field.path.substr(prefix.size());
    names.emplace(rest.substr(0, rest.find('.')));
  }
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

bool is_section(std::string_view path) {
  const std::string prefix = std::string(path) + ".";
  return std::any_of(std::begin(kFields), std::end(kFields),
                     [&](const Field& field) { return field.path.starts_with(prefix); });
}

void read_section(Bootstrap& out, const Value& section, std::set<std::string>& seen) {
  for (const auto& [name, key, value] : section.entries()) {
    const auto field = std::find_if(std::begin(kFields), std::end(kFields),
                                    [&](const Field& candidate) { return candidate.path == value.path(); });
    if (field != std::end(kFields)) {
      field->read(out, value);
      seen.insert(value.path());
    } else if (is_section(value.path())) {
      read_section(out, value, seen);
    } else {
      const std::string prefix = section.path().empty() ? "" : section.path() + ".";
      key.fail("unknown key; known here: " + known_under(prefix));
    }
  }
}

// Where the complaint about a key belongs that is wrong together with others, or absent.
Value locate(const YAML::Node& root, std::string_view name, const std::string& path) {
  YAML::Node at = root;
  for (std::size_t start = 0; start < path.size();) {
    const std::size_t dot = std::min(path.find('.', start), path.size());
    if (!at.IsMap()) break;
    const YAML::Node next = static_cast<const YAML::Node&>(at)[path.substr(start, dot - start)];
    if (!next) break;
    at.reset(next);
    start = dot + 1;
  }
  return Value(at, name, path);
}

void check_together(const Bootstrap& b, const YAML::Node& root, std::string_view name) {
  const auto fail = [&](const std::string& path, const std::string& what) { locate(root, name, path).fail(what); };
  if (!b.workers.cores.empty() && b.workers.cores.size() != b.workers.count) {
    fail("workers.cores", "names " + std::to_string(b.workers.cores.size()) + " cores for " +
                              std::to_string(b.workers.count) + " workers");
  }
  if (b.xds.backoff_min > b.xds.backoff_max) fail("xds.backoff_min", "is larger than xds.backoff_max");
  if (b.ca.backoff_min > b.ca.backoff_max) fail("ca.backoff_min", "is larger than ca.backoff_max");
}

void apply_derived_defaults(Bootstrap& b) {
  if (b.ca.address.empty()) b.ca.address = b.xds.address;
  if (b.ca.root_ca.empty()) b.ca.root_ca = b.xds.root_ca;
  if (b.ca.server_name.empty()) b.ca.server_name = b.xds.server_name;
}

}  // namespace

std::expected<Bootstrap, std::string> parse_bootstrap(std::string_view yaml, std::string_view name) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() > 1) Value(documents[1], name, "").fail("a second document");
    const YAML::Node root = documents.empty() ? YAML::Node(YAML::NodeType::Map) : documents[0];
    Bootstrap out;
    std::set<std::string> seen;
    if (!root.IsNull()) read_section(out, Value(root, name, ""), seen);
    for (const Field& field : kFields) {
      if (field.required && !seen.contains(std::string(field.path))) {
        locate(root, name, std::string(field.path)).fail("is required and missing");
      }
    }
    check_together(out, root, name);
    apply_derived_defaults(out);
    return out;
  } catch (const YAML::Exception& error) {
    return std::unexpected(std::string(name) + ":" + std::to_string(error.mark.line + 1) + ":" +
                           std::to_string(error.mark.column + 1) + ": not YAML: " + error.msg);
  } catch (const YamlError& error) {
    return std::unexpected(std::string(error.what()));
  }
}

std::expected<Bootstrap, std::string> load_bootstrap(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) return std::unexpected(path + ": cannot be read");
  return parse_bootstrap(text.str(), path);
}

std::vector<std::string> bootstrap_keys() {
  std::vector<std::string> out;
  for (const Field& field : kFields) out.emplace_back(field.path);
  return out;
}

}  // namespace weft::agent
