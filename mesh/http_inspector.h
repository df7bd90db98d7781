// Envoy's http_inspector: does a plaintext connection begin as HTTP? Looks at bytes, keeps nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace weft::mesh {

enum class HttpInspection : std::uint8_t { kNeedMore, kNotHttp, kHttp10, kHttp11, kH2c };

// `head`: all bytes that came so far, from the first. Never kNeedMore once 64 KB are there (Envoy's own limit).
HttpInspection http_inspect(ByteSpan head);

// The application protocol that filter chains match on: "http/1.0", "http/1.1", "h2c"; empty otherwise.
std::string_view application_protocol(HttpInspection inspection);

}  // namespace weft::mesh
