// What the two halves of jwt.h share. Included by jwt*.cc only.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>

#include "crypto/openssl_support.h"

namespace weft::crypto::detail {

enum class Algorithm { kEs256, kRs256 };
inline constexpr int kCoordinate = 32;  // bytes of r, s, x, y on P-256

// How a key signs; nullopt: not a key that we use.
std::optional<Algorithm> algorithm_of(EVP_PKEY* key);
std::string_view name_of(Algorithm algorithm);  // "ES256"

// Big-endian, padded to `size` bytes; and back.
std::string bytes_of(const BIGNUM* number, int size);
BignumPtr number_of(std::string_view bytes);

// null unless the text is one JSON object.
nlohmann::json parse_object(std::string_view text);
std::optional<std::string> text_of(const nlohmann::json& object, const char* name);

}  // namespace weft::crypto::detail
