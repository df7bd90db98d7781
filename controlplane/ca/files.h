// Files with secrets: complete under their name or absent, and never readable by others.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace weft::controlplane {

// Errors are sentences that name the file.
std::expected<std::string, std::string> read_file(const std::string& path);
// By a temporary file and rename; `mode` as chmod takes it.
std::expected<void, std::string> write_file(const std::string& path, std::string_view text, unsigned mode);
// Makes it (with parents) with mode 0700. An existing one that others may read is an error.
std::expected<void, std::string> make_private_directory(const std::string& path);

}  // namespace weft::controlplane
