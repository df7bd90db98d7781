#include "dataplane/agent/yaml_value.h"

#include <charconv>
#include <limits>
#include <set>

namespace weft::agent {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

constexpr Unit kTimeUnits[] = {
    {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
constexpr Unit kByteUnits[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};

std::string in_largest_unit(std::uint64_t value, std::span<const Unit> units) {
  Unit best = units.front();
  for (const Unit& unit : units) {
    if (value >= unit.second && value % unit.second == 0) best = unit;
  }
  return std::to_string(value / best.second) + std::string(best.first);
}

}  // namespace

void YamlValue::fail(std::string_view what) const {
  const YAML::Mark mark = node_.Mark();
  const int line = mark.is_null() ? 1 : mark.line + 1, column = mark.is_null() ? 1 : mark.column + 1;
  throw YamlError(std::string(file_) + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
                  (path_.empty() ? "" : path_ + ": ") + std::string(what));
}

const std::string& YamlValue::scalar(std::string_view wanted) const {
  if (node_.IsNull()) fail("has no value; wanted " + std::string(wanted));
  if (!node_.IsScalar()) fail("wanted " + std::string(wanted));
  return node_.Scalar();
}

std::string YamlValue::text() const {
  const std::string& value = scalar("a text");
  if (value.empty()) fail("is empty");
  return value;
}

bool YamlValue::boolean() const {
  const std::string& value = scalar("true or false");
  if (value == "true") return true;
  if (value == "false") return false;
  fail("'" + value + "' is neither true nor false");
}

std::uint32_t YamlValue::integer(std::uint32_t least, std::uint32_t most) const {
  const std::string& value = scalar("a whole number");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) fail("'" + value + "' is not a whole number");
  if (number < least || number > most) {
    fail("'" + value + "' is not between " + std::to_string(least) + " and " + std::to_string(most));
  }
  return static_cast<std::uint32_t>(number);
}

std::uint64_t YamlValue::with_unit(std::span<const Unit> units, std::string_view example) const {
  const std::string& value = scalar(example);
  std::uint64_t number = 0;
  const char* const last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, number);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  if (error != std::errc())
    fail("'" + value + "' does not start with a whole number; write it like " + std::string(example));
  for (const auto& [name, factor] : units) {
    if (name != unit) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / factor) fail("'" + value + "' is too large");
    return number * factor;
  }
  std::string known;
  for (const auto& [name, factor] : units) known += (known.empty() ? "" : ", ") + std::string(name);
  fail("'" + value + "' " + (unit.empty() ? "has no unit" : "has the unknown unit '" + std::string(unit) + "'") +
       "; units are " + known);
}

Duration YamlValue::duration(Duration least, Duration most) const {
  const auto value = static_cast<std::int64_t>(with_unit(kTimeUnits, "50ms"));
  if (value < least.ns() || value > most.ns()) {
    fail("'" + node_.Scalar() + "' is not between " +
         in_largest_unit(static_cast<std::uint64_t>(least.ns()), kTimeUnits) + " and " +
         in_largest_unit(static_cast<std::uint64_t>(most.ns()), kTimeUnits));
  }
  return Duration::nanoseconds(value);
}

std::uint64_t YamlValue::bytes(std::uint64_t least, std::uint64_t most) const {
  const std::uint64_t value = with_unit(kByteUnits, "64KiB");
  if (value < least || value > most) {
    fail("'" + node_.Scalar() + "' is not between " + in_largest_unit(least, kByteUnits) + " and " +
         in_largest_unit(most, kByteUnits));
  }
  return value;
}

IpAddress YamlValue::address() const {
  const std::string& value = scalar("an IP address");
  const auto parsed = IpAddress::parse(value);
  if (!parsed) fail("'" + value + "' is not an IP address");
  return *parsed;
}

IpPrefix YamlValue::interface_address() const {
  const std::string& value = scalar("address/length");
  const auto parsed = value.find('/') == std::string::npos ? std::nullopt : IpPrefix::parse(value);
  if (!parsed) fail("'" + value + "' is not address/length");
  return *parsed;
}

IpPrefix YamlValue::prefix() const {
  const IpPrefix parsed = interface_address();
  for (int bit = parsed.length; bit < parsed.address.bits(); ++bit) {
    if (parsed.address.data()[bit / 8] >> (7 - bit % 8) & 1)
      fail("'" + node_.Scalar() + "' has bits beyond its length");
  }
  return parsed;
}

Endpoint YamlValue::endpoint() const {
  const std::string& value = scalar("address:port");
  const auto parsed = Endpoint::parse(value);
  if (!parsed || parsed->port == 0) fail("'" + value + "' is not address:port");
  return *parsed;
}

std::string YamlValue::host_port() const {
  const std::string& value = scalar("host:port");
  const std::size_t colon = value.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos && colon > 0) {
    const char* const last = value.data() + value.size();
    const auto [end, error] = std::from_chars(value.data() + colon + 1, last, port);
    const bool bare_v6 = value.find(':') != colon && value[colon - 1] != ']';
    if (error == std::errc() && end == last && port > 0 && port < 65536 && !bare_v6) return value;
  }
  fail("'" + value + "' is not host:port");
}

std::vector<YamlValue> YamlValue::list() const {
  if (!node_.IsSequence()) fail("wanted a list");
  std::vector<YamlValue> out;
  for (std::size_t i = 0; i < node_.size(); ++i) {
    out.emplace_back(node_[i], file_, path_ + "[" + std::to_string(i) + "]");
  }
  return out;
}

std::optional<YamlValue> YamlValue::find(std::string_view key) const {
  if (!node_.IsMap()) fail("wanted a mapping");
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar() || entry.first.Scalar() != key || entry.second.IsNull()) continue;
    return YamlValue(entry.second, file_, path_.empty() ? std::string(key) : path_ + "." + std::string(key));
  }
  return std::nullopt;
}

std::string YamlValue::plain() const { return scalar("a text"); }

std::string YamlValue::plain_at(std::string_view key) const {
  const auto value = find(key);
  return value ? value->plain() : std::string();
}

std::vector<YamlValue> YamlValue::list_at(std::string_view key) const {
  const auto value = find(key);
  return value ? value->list() : std::vector<YamlValue>();
}

std::vector<YamlEntry> YamlValue::entries() const {
  if (!node_.IsMap()) fail("wanted a mapping");
  std::vector<YamlEntry> out;
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) YamlValue(entry.first, file_, path_).fail("a key must be a plain word");
    const std::string name = entry.first.Scalar();
    const std::string path = path_.empty() ? name : path_ + "." + name;
    const YamlValue key(entry.first, file_, path);
    if (!seen.insert(name).second) key.fail("stands here a second time");
    if (entry.second.IsNull()) key.fail("has no value");
    out.push_back({name, key, YamlValue(entry.second, file_, path)});
  }
  return out;
}

}  // namespace weft::agent
