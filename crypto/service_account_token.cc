#include "crypto/service_account_token.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weft::crypto {
namespace {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? "," : "") + json_string(text);
  return out + "]";
}

std::string system_error(const std::string& path) { return path + ": " + std::strerror(errno); }

std::expected<std::string, std::string> read_key_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(system_error(path));
  std::string text;
  char block[4096];
  ssize_t n;
  while ((n = ::read(fd, block, sizeof block)) > 0 && text.size() < 65536) {
    text.append(block, static_cast<std::size_t>(n));
  }
  ::close(fd);
  if (n < 0) return std::unexpected(system_error(path));
  return text;
}

// Complete or absent under its name, and never readable by others, not even for a moment.
std::expected<void, std::string> create_key_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return std::unexpected(system_error(temporary));
  const bool written = ::fchmod(fd, 0600) == 0 &&
                       ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    return std::unexpected(system_error(temporary));
  }
  return {};
}

std::string path_in(const std::string& directory) {
  return directory + "/" + std::string(TokenIssuer::kFileName);
}

}  // namespace

std::string token_payload(const ServiceAccountClaims& c) {
  std::string out = "{\"aud\":" + json_list(c.audiences);
  out += ",\"exp\":" + std::to_string(c.expires) + ",\"iat\":" + std::to_string(c.issued_at);
  out += ",\"nbf\":" + std::to_string(c.issued_at) + ",\"iss\":" + json_string(c.issuer);
  out += ",\"kubernetes.io\":{\"namespace\":" + json_string(c.name_space);
  if (!c.node_name.empty()) out += ",\"node\":{\"name\":" + json_string(c.node_name) + "}";
  if (!c.pod_name.empty()) {
    out += ",\"pod\":{\"name\":" + json_string(c.pod_name) + ",\"uid\":" + json_string(c.pod_uid) + "}";
  }
  out += ",\"serviceaccount\":{\"name\":" + json_string(c.service_account) + "}}";
  out += ",\"sub\":" + json_string("system:serviceaccount:" + c.name_space + ":" + c.service_account);
  return out + "}";
}

std::expected<ServiceAccountClaims, std::string> read_service_account_claims(const JwtClaims& claims) {
  const auto text = [&](std::initializer_list<std::string_view> path) {
    return claims.text(path).value_or("");
  };
  ServiceAccountClaims out;
  out.name_space = text({"kubernetes.io", "namespace"});
  out.service_account = text({"kubernetes.io", "serviceaccount", "name"});
  out.pod_name = text({"kubernetes.io", "pod", "name"});
  out.pod_uid = text({"kubernetes.io", "pod", "uid"});
  out.node_name = text({"kubernetes.io", "node", "name"});
  out.audiences = claims.audiences;
  out.issuer = claims.issuer;
  out.issued_at = claims.issued_at.value_or(0);
  out.expires = claims.expires.value_or(0);
  if (out.name_space.empty() || out.service_account.empty()) {
    return std::unexpected("the token names no service account (claim kubernetes.io)");
  }
  const std::string subject = "system:serviceaccount:" + out.name_space + ":" + out.service_account;
  if (claims.subject != subject) {
    return std::unexpected("the token's subject is '" + claims.subject + "', its account '" + subject + "'");
  }
  return out;
}

TokenIssuer::TokenIssuer(PrivateKey key) : key_(std::move(key)), key_id_(key_id_of(key_.public_key())) {}

std::expected<TokenIssuer, std::string> TokenIssuer::open(const std::string& ca_directory) {
  const std::string path = path_in(ca_directory);
  auto text = read_key_file(path);
  if (!text) return std::unexpected(text.error());
  auto key = PrivateKey::from_pem(*text);
  if (!key) return std::unexpected(path + ": " + key.error());
  return TokenIssuer(std::move(*key));
}

std::expected<TokenIssuer, std::string> TokenIssuer::open_or_create(const std::string& ca_directory) {
  const std::string path = path_in(ca_directory);
  if (::access(path.c_str(), F_OK) == 0) return open(ca_directory);
  auto key = PrivateKey::generate_p256();
  if (!key) return std::unexpected(key.error());
  if (auto stored = create_key_file(path, key->pem()); !stored) return std::unexpected(stored.error());
  return TokenIssuer(std::move(*key));
}

std::expected<std::string, std::string> TokenIssuer::sign(const ServiceAccountClaims& claims) const {
  return sign_jwt(key_, key_id_, token_payload(claims));
}

JwtKeySet TokenIssuer::key_set() const {
  JwtKeySet keys;
  keys.add(key_id_, key_.public_key());
  return keys;
}

}  // namespace weft::crypto
