#include "mesh/identity.h"

#include <gtest/gtest.h>

namespace weft::mesh {
namespace {

TEST(Identity, PartsOfAnIstioId) {
  Identity id = Identity::intern("spiffe://cluster.local/ns/samples/sa/sleep");
  EXPECT_EQ(id.trust_domain(), "cluster.local");
  EXPECT_EQ(id.name_space(), "samples");
  EXPECT_EQ(id.service_account(), "sleep");
  EXPECT_EQ(Identity::intern(SpiffeId{"cluster.local", "samples", "sleep"}), id);
  EXPECT_NE(Identity::intern("spiffe://cluster.local/ns/samples/sa/other"), id);
  EXPECT_FALSE(Identity::intern(""));
}

TEST(Identity, OtherFormsHaveNoParts) {
  for (const char* uri : {"spiffe://cluster.local/ns/a/sa/", "spiffe://cluster.local/ns/a/sa/b/c",
                          "https://a/ns/b/sa/c",
                          "spiffe:///ns/a/sa/b", "spiffe://td/ns//sa/b", "spiffe://td/xx/a/sa/b", "spiffe://td",
                          "spiffe://td/ns/a/sa/b/"})
    EXPECT_FALSE(SpiffeId::parse(uri)) << uri;
  EXPECT_EQ(Identity::intern("urn:x").uri(), "urn:x");
  EXPECT_EQ(Identity::intern("urn:x").name_space(), "");
}

}  // namespace
}  // namespace weft::mesh
