#include "tests/conformance/configuration.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

namespace weft::conformance {

namespace {

using net::TcpOptions;
using Number = std::optional<std::uint32_t>;

Number number_in(std::string_view text, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= least && value <= most ? Number(value) : std::nullopt;
}

constexpr std::uint32_t kBytesMax = 1u << 30;  // RFC 7323, 2.3

struct NumberKey {
  std::string_view name;
  std::uint32_t least, most;
  void (*apply)(TcpOptions& options, std::uint32_t value);
};

constexpr NumberKey kNumberKeys[] = {
    {"sack", 0, 1, [](TcpOptions& o, std::uint32_t v) { o.sack = v != 0; }},
    {"rfc7323", 0, 1, [](TcpOptions& o, std::uint32_t v) { o.timestamps = o.window_scale = v != 0; }},
    {"ecn", 0, 2, [](TcpOptions& o, std::uint32_t v) { o.ecn = static_cast<net::EcnMode>(v); }},
    {"rwnd", 1, kBytesMax,
     [](TcpOptions& o, std::uint32_t v) { o.receive_buffer_initial = o.receive_buffer_max = v; }},
    {"wscale", 0, 14, [](TcpOptions& o, std::uint32_t v) { o.window_shift = static_cast<std::uint8_t>(v); }},
    {"sndbuf", 1, kBytesMax, [](TcpOptions& o, std::uint32_t v) { o.send_buffer_max = v; }},
};

bool set_congestion_control(TcpOptions& options, std::string_view name) {
  if (name != "cubic" && name != "reno" && name != "newreno") return false;
  options.congestion = name == "cubic" ? net::CongestionAlgorithm::kCubic : net::CongestionAlgorithm::kNewReno;
  return true;
}

bool set_option(TcpOptions& options, std::string_view key, std::string_view value) {
  if (key == "cc") return set_congestion_control(options, value);
  const auto* found = std::find_if(std::begin(kNumberKeys), std::end(kNumberKeys),
                                   [key](const NumberKey& k) { return k.name == key; });
  if (found == std::end(kNumberKeys)) return false;
  const Number number = number_in(value, found->least, found->most);
  if (number) found->apply(options, *number);
  return number.has_value();
}

}  // namespace

bool configure(PodStack& stack, std::string_view key, std::string_view value) {
  if (key == "mtu") {
    const Number mtu = number_in(value, 1, 65'535);
    return mtu && stack.set_mtu(*mtu);
  }
  TcpOptions options = stack.tcp().options();
  if (!set_option(options, key, value)) return false;
  stack.tcp().set_options(options);
  return true;
}

}  // namespace weft::conformance
