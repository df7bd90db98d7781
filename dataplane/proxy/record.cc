#include "dataplane/proxy/record.h"

#include <cctype>

#include "absl/strings/str_cat.h"

namespace weft::proxy {

namespace {

// "kNotReady" -> "not_ready".
std::string name_of(std::string_view enumerator) {
  std::string name;
  for (const char c : enumerator.substr(1)) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isupper(u) != 0 && !name.empty()) name += '_';
    name += static_cast<char>(std::tolower(u));
  }
  return name;
}

void add(std::string* line, const char* key, const std::string& value) {
  if (!value.empty()) absl::StrAppend(line, " ", key, "=", value);
}

}  // namespace

std::string_view to_name(EndReason reason) {
#define WEFT_TEXT_OF(name, text) #name,
  static const auto names = [] {
    std::vector<std::string> all;
    for (const char* enumerator : {WEFT_PROXY_ENDS(WEFT_TEXT_OF)}) all.push_back(name_of(enumerator));
    return all;
  }();
#undef WEFT_TEXT_OF
  return names[static_cast<std::size_t>(reason)];
}

std::string to_line(const ConnectionRecord& record) {
  std::string line = absl::StrCat("connection ", record.verdict, " id=", record.id, " direction=", record.direction,
                                  " src=", record.source.to_string(), " dst=", record.destination.to_string());
  if (record.upstream.port != 0) add(&line, "upstream", record.upstream.to_string());
  add(&line, "src_identity", record.source_identity);
  add(&line, "dst_identity", record.destination_identity);
  add(&line, "cluster", record.cluster);
  add(&line, "filter_chain", record.filter_chain);
  add(&line, "policy", record.policy);
  absl::StrAppend(&line, " bytes_sent=", record.bytes_sent, " bytes_received=", record.bytes_received,
                  " duration_ms=", record.age_ms, " reason=\"", std::string(to_string(record.reason)), "\"");
  if (!record.detail.empty()) absl::StrAppend(&line, " detail=\"", record.detail, "\"");
  return line;
}

}  // namespace weft::proxy
