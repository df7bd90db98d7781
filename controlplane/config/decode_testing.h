// The language of the decoding tests: one document in, the object or what was told out.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controlplane/config/decode.h"
#include "controlplane/config/source_files.h"

namespace weft::controlplane {

inline Decoded decode_text(const std::string& yaml) {
  OriginUpdate update = parse_origin("a.yaml", yaml);
  EXPECT_EQ(update.documents.size(), 1u) << update.problem.to_string();
  DecodeOptions options;
  options.mesh_config_map = {Kind::kConfigMap, "istio-system", "istio"};
  options.creation_unix_ns = [](const ObjectKey&) { return 77; };
  return update.documents.empty() ? Decoded() : decode(*update.documents[0], options);
}

inline std::string problems_of(const Decoded& decoded) {
  std::string text;
  for (const Problem& problem : decoded.problems) text += (text.empty() ? "" : "\n") + problem.to_string();
  return text;
}

template <typename T>
Shared<T> read(const std::string& yaml) {
  Decoded decoded = decode_text(yaml);
  EXPECT_TRUE(decoded.object) << problems_of(decoded);
  return decoded.object ? std::get<Shared<T>>(*decoded.object) : std::make_shared<const T>();
}

inline std::string policy(const std::string& spec) {
  return "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p, namespace: data}\nspec:\n" +
         spec;
}

inline std::string peer(const std::string& spec) {
  return "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p, namespace: data}\nspec:\n" +
         spec;
}

struct Mistake {
  std::string yaml;
  std::string told;  // how the first problem begins
  bool error = true;
};

inline void expect_told(const std::vector<Mistake>& rows) {
  for (const Mistake& row : rows) {
    const Decoded decoded = decode_text(row.yaml);
    const std::string told = problems_of(decoded);
    EXPECT_TRUE(told.starts_with(row.told)) << row.yaml << "\nwas told: " << told;
    EXPECT_EQ(!decoded.object, row.error) << row.yaml << "\nwas told: " << told;
  }
}

}  // namespace weft::controlplane
