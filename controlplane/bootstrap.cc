#include "controlplane/bootstrap.h"

#include <charconv>
#include <functional>
#include <map>

#include "controlplane/ca/files.h"
#include "controlplane/config/yaml_tree.h"

namespace weft::controlplane {
namespace {

using Setter = std::function<std::string(const Value&)>;  // returns what is wrong, or nothing
using Setters = std::map<std::string_view, Setter>;

Setter text(std::string* out) {
  return [out](const Value& value) -> std::string {
    if (value.type != Value::Type::kText || value.text.empty()) return "expected text";
    *out = value.text;
    return {};
  };
}

Setter duration(Duration* out, Duration least, Duration most) {
  return [out, least, most](const Value& value) -> std::string {
    auto parsed = parse_duration(value.text);
    if (!parsed) return parsed.error();
    if (*parsed < least || *parsed > most) return "out of range";
    *out = *parsed;
    return {};
  };
}

Setter endpoint(Endpoint* out) {
  return [out](const Value& value) -> std::string {
    const auto parsed = Endpoint::parse(value.text);
    if (!parsed) return "expected ADDRESS:PORT, as 0.0.0.0:15012 or [::]:15012";
    *out = *parsed;
    return {};
  };
}

Setter number(std::uint32_t* out, std::int64_t least, std::int64_t most) {
  return [=](const Value& value) -> std::string {
    if (value.type != Value::Type::kInteger || value.integer < least || value.integer > most) {
      return "expected a number from " + std::to_string(least) + " to " + std::to_string(most);
    }
    *out = static_cast<std::uint32_t>(value.integer);
    return {};
  };
}

Setter texts(std::vector<std::string>* out) {
  return [out](const Value& value) -> std::string {
    if (value.type != Value::Type::kList) return "expected a list";
    out->clear();
    for (const Value& item : value.items) {
      if (item.type != Value::Type::kText) return "expected a list of text";
      out->push_back(item.text);
    }
    return {};
  };
}

Setter level(LogLevel* out) {
  return [out](const Value& value) -> std::string {
    static const std::map<std::string_view, LogLevel> kLevels{{"debug", LogLevel::kDebug},
                                                              {"info", LogLevel::kInfo},
                                                              {"warning", LogLevel::kWarning},
                                                              {"error", LogLevel::kError}};
    const auto it = kLevels.find(value.text);
    if (it == kLevels.end()) return "expected debug, info, warning or error";
    *out = it->second;
    return {};
  };
}

Setter log_format(bool* json) {
  return [json](const Value& value) -> std::string {
    if (value.text != "text" && value.text != "json") return "expected text or json";
    *json = value.text == "json";
    return {};
  };
}

std::map<std::string_view, Setters> schema(Bootstrap* out) {
  const Duration second = Duration::seconds(1), year = Duration::seconds(365LL * 24 * 3600);
  const Duration zero, hour = Duration::seconds(3600);
  return {
      {"config", {{"directory", text(&out->config.directory)},
                  {"system_namespace", text(&out->config.system_namespace)}}},
      {"cluster", {{"id", text(&out->cluster.id)}, {"domain", text(&out->cluster.domain)}}},
      {"ca", {{"directory", text(&out->ca.directory)},
              {"plugged_in", text(&out->ca.plugged_in)},
              {"workload_ttl", duration(&out->ca.workload_ttl, second, year)},
              {"max_workload_ttl", duration(&out->ca.max_workload_ttl, second, year)},
              {"unknown_pod_grace", duration(&out->ca.unknown_pod_grace, zero, hour)},
              {"trusted_node_accounts", texts(&out->ca.trusted_node_accounts)},
              {"server_names", texts(&out->ca.server_names)}}},
      {"listen", {{"secure", endpoint(&out->listen.secure)},
                  {"plaintext", endpoint(&out->listen.plaintext)},
                  {"monitoring", endpoint(&out->listen.monitoring)},
                  {"ready", endpoint(&out->listen.ready)}}},
      {"push", {{"quiet", duration(&out->push.quiet, zero, hour)},
                {"at_most", duration(&out->push.at_most, zero, hour)},
                {"threads", number(&out->push.threads, 1, 64)}}},
      {"log", {{"level", level(&out->log.level)}, {"format", log_format(&out->log.json)}}},
  };
}

class Reader {
 public:
  Reader(std::string_view file, Bootstrap* out) : file_(file), schema_(schema(out)) {}

  void read(const Value& root) {
    if (root.type == Value::Type::kNull) return;
    if (root.type != Value::Type::kMap) return report(root.position, "", "expected a map");
    for (const Member& section : root.members) {
      const auto known = schema_.find(section.key);
      if (known == schema_.end()) {
        report(section.position, section.key, "unknown key; there are" + names(schema_));
      } else if (section.value.type == Value::Type::kMap) {
        read_section(section, known->second);
      } else if (section.value.type != Value::Type::kNull) {
        report(section.value.position, section.key, "expected a map");
      }
    }
  }

  const std::string& problems() const { return problems_; }

 private:
  void read_section(const Member& section, const Setters& setters) {
    for (const Member& member : section.value.members) {
      const std::string path = section.key + "." + member.key;
      const auto setter = setters.find(member.key);
      if (setter == setters.end()) {
        report(member.position, path, "unknown key; there are" + names(setters));
      } else if (const std::string wrong = setter->second(member.value); !wrong.empty()) {
        report(member.value.position, path, "'" + member.value.text + "': " + wrong);
      }
    }
  }

  template <typename Map>
  static std::string names(const Map& map) {
    std::string out;
    for (const auto& [name, value] : map) out += (out.empty() ? " " : ", ") + std::string(name);
    return out;
  }

  void report(Position at, const std::string& path, const std::string& wrong) {
    if (!problems_.empty()) problems_ += '\n';
    problems_ += file_ + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": ";
    problems_ += path.empty() ? wrong : path + ": " + wrong;
  }

  std::string file_;
  std::map<std::string_view, Setters> schema_;
  std::string problems_;
};

}  // namespace

std::expected<Duration, std::string> parse_duration(std::string_view text) {
  constexpr std::string_view kExpected = "expected a number with a unit: ms, s, m or h, as 100ms or 24h";
  std::int64_t amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc() || amount < 0 || amount > 10'000'000) return std::unexpected(std::string(kExpected));
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "ms") return Duration::milliseconds(amount);
  if (unit == "s") return Duration::seconds(amount);
  if (unit == "m") return Duration::seconds(amount * 60);
  if (unit == "h" && amount <= 1'000'000) return Duration::seconds(amount * 3600);
  return std::unexpected(std::string(kExpected));
}

std::expected<Bootstrap, std::string> parse_bootstrap(std::string_view file, std::string_view text) {
  auto documents = parse_yaml(text);
  if (!documents) {
    const Position at = documents.error().position;
    return std::unexpected(std::string(file) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                           ": " + documents.error().message);
  }
  Bootstrap out;
  Reader reader(file, &out);
  if (documents->size() > 1) return std::unexpected(std::string(file) + ": more than one document");
  if (!documents->empty()) reader.read(documents->front());
  if (!reader.problems().empty()) return std::unexpected(reader.problems());
  if (out.ca.max_workload_ttl == Duration()) out.ca.max_workload_ttl = out.ca.workload_ttl;
  if (out.ca.max_workload_ttl < out.ca.workload_ttl) {
    return std::unexpected(std::string(file) + ": ca.max_workload_ttl is shorter than ca.workload_ttl");
  }
  return out;
}

std::expected<Bootstrap, std::string> load_bootstrap(const std::string& file) {
  auto text = read_file(file);
  if (!text) return std::unexpected(text.error());
  return parse_bootstrap(file, *text);
}

}  // namespace weft::controlplane
