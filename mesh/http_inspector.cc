#include "mesh/http_inspector.h"

#include <algorithm>
#include <array>

namespace weft::mesh {

namespace {

constexpr std::string_view kH2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 section 3.4
constexpr std::size_t kMaxInspected = 64 * 1024;  // Envoy's MAX_INSPECT_SIZE

// The IANA methods that HTTP/1 parsers know; Envoy takes others for "not HTTP".
constexpr std::array<std::string_view, 34> kMethods = {
    "GET",       "HEAD",     "POST",   "PUT",        "DELETE",     "CONNECT",   "OPTIONS",     "TRACE",  "PATCH",
    "COPY",      "LOCK",     "MKCOL",  "MOVE",       "PROPFIND",   "PROPPATCH", "SEARCH",      "UNLOCK", "BIND",
    "REBIND",    "UNBIND",   "ACL",    "REPORT",     "MKACTIVITY", "CHECKOUT",  "MERGE",       "NOTIFY", "SUBSCRIBE",
    "M-SEARCH",  "PURGE",    "LINK",   "UNLINK",     "SOURCE",     "MKCALENDAR", "UNSUBSCRIBE",
};

bool is_method_prefix(std::string_view text) {
  return std::ranges::any_of(kMethods, [&](std::string_view method) { return method.starts_with(text); });
}

bool is_target_character(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }

// `text` is what follows the method and its space: target SP HTTP-version CRLF (RFC 9112 section 3).
HttpInspection inspect_target(std::string_view text) {
  auto end = std::ranges::find_if_not(text, is_target_character);
  if (end == text.end()) return HttpInspection::kNeedMore;
  if (end == text.begin() || *end != ' ') return HttpInspection::kNotHttp;
  std::string_view version = text.substr(static_cast<std::size_t>(end - text.begin()) + 1);
  constexpr std::string_view kVersion = "HTTP/1.";
  if (!version.starts_with(kVersion.substr(0, version.size()))) return HttpInspection::kNotHttp;
  if (version.size() < kVersion.size() + 2) {
    bool digit = version.size() <= kVersion.size() || version.back() == '0' || version.back() == '1';
    return digit ? HttpInspection::kNeedMore : HttpInspection::kNotHttp;
  }
  char minor = version[kVersion.size()], after = version[kVersion.size() + 1];
  if (after != '\r' && after != '\n') return HttpInspection::kNotHttp;
  if (minor == '1') return HttpInspection::kHttp11;
  return minor == '0' ? HttpInspection::kHttp10 : HttpInspection::kNotHttp;
}

HttpInspection inspect_http1(std::string_view text) {
  std::size_t start = std::min(text.find_first_not_of("\r\n"), text.size());  // RFC 9112 section 2.2
  text.remove_prefix(start);
  std::size_t space = text.find(' ');
  if (space == text.npos) return is_method_prefix(text) ? HttpInspection::kNeedMore : HttpInspection::kNotHttp;
  if (std::ranges::find(kMethods, text.substr(0, space)) == kMethods.end()) return HttpInspection::kNotHttp;
  return inspect_target(text.substr(space + 1));
}

}  // namespace

HttpInspection http_inspect(ByteSpan head) {
  std::string_view text = as_text(head.first(std::min(head.size(), kMaxInspected)));
  if (text.starts_with(kH2Preface)) return HttpInspection::kH2c;
  if (kH2Preface.starts_with(text)) return HttpInspection::kNeedMore;
  HttpInspection found = inspect_http1(text);
  bool full = head.size() >= kMaxInspected;
  return found == HttpInspection::kNeedMore && full ? HttpInspection::kNotHttp : found;
}

std::string_view application_protocol(HttpInspection inspection) {
  switch (inspection) {
    case HttpInspection::kHttp10: return "http/1.0";
    case HttpInspection::kHttp11: return "http/1.1";
    case HttpInspection::kH2c: return "h2c";
    default: return {};
  }
}

}  // namespace weft::mesh
