#include "mesh/http_inspector.h"

#include <gtest/gtest.h>

namespace weft::mesh {
namespace {

HttpInspection inspect(std::string_view text) { return http_inspect(as_bytes(text)); }

struct Case {
  std::string_view text;
  HttpInspection found;
};

TEST(HttpInspector, WholeHeads) {
  constexpr Case kCases[] = {
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HttpInspection::kHttp11},
      {"GET / HTTP/1.0\r\n", HttpInspection::kHttp10},
      {"GET / HTTP/1.1\n", HttpInspection::kHttp11},
      {"\r\nM-SEARCH * HTTP/1.1\r\n", HttpInspection::kHttp11},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", HttpInspection::kH2c},
      {"PRI * HTTP/2.0\r\n\r\nXX", HttpInspection::kNotHttp},
      {"GET / HTTP/2.0\r\n", HttpInspection::kNotHttp},
      {"GET / HTTP/1.2\r\n", HttpInspection::kNotHttp},
      {"GET / HTTP/1.15\r\n", HttpInspection::kNotHttp},
      {"GET  HTTP/1.1\r\n", HttpInspection::kNotHttp},
      {"GET /\r\n", HttpInspection::kNotHttp},
      {"get / HTTP/1.1\r\n", HttpInspection::kNotHttp},
      {"GETS / HTTP/1.1\r\n", HttpInspection::kNotHttp},
      {"\x16\x03\x01\x02", HttpInspection::kNotHttp},
      {" ", HttpInspection::kNotHttp},
  };
  for (const Case& c : kCases) EXPECT_EQ(static_cast<int>(inspect(c.text)), static_cast<int>(c.found)) << c.text;
}

TEST(HttpInspector, EveryPrefixOfARequestNeedsMore) {
  for (std::string_view head : {"OPTIONS /a?b=c HTTP/1.1\r", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST / HTTP/1.0\r"})
    for (std::size_t size = 0; size + 1 < head.size(); ++size)
      EXPECT_EQ(inspect(head.substr(0, size)), HttpInspection::kNeedMore) << head.substr(0, size);
}

TEST(HttpInspector, GivesUpAtItsBound) {
  std::string endless = "GET /" + std::string(70'000, 'a');
  EXPECT_EQ(inspect(endless.substr(0, 60'000)), HttpInspection::kNeedMore);
  EXPECT_EQ(inspect(endless), HttpInspection::kNotHttp);
}

}  // namespace
}  // namespace weft::mesh
