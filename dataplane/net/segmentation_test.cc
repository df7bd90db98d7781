// What software cuts must be, byte for byte, what the receiver would have got from a device that cuts.
#include "dataplane/net/segmentation.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/builders/packet_builder.h"

namespace weft::net {
namespace {

using namespace weft::testing;

class Cutting : public ::testing::Test {
 protected:
  ~Cutting() override {
    while (!out.empty()) out.pop();
    EXPECT_EQ(headers.outstanding() + frames.outstanding(), 0u);
  }
  IpHeader header_of(const Packet& p) { return *parse_ip(p.bytes.front().bytes(), p.bytes.size()); }

  HeapBufferPool headers{512}, frames{65536};
  PacketQueue out{256};
};

TEST_F(Cutting, SuperSegmentEqualsTheSegmentsThatASenderWouldHaveSent) {
  Random random(4);
  for (int round = 0; round < 60; ++round) {
    const bool v6 = random.chance(0.5);
    const std::size_t payload = 1 + random.below(20000);
    const auto mss = static_cast<std::uint16_t>(200 + random.below(1300));
    PacketBuilder whole = v6 ? weft::testing::ip("fd00::1", "fd00::2") : weft::testing::ip("10.0.0.1", "10.0.0.2");
    whole.tcp(1000, 80).seq(0xfffff000).ack(99).psh().fin().payload_of(payload).gso(mss);
    const Bytes expected = PacketBuilder().payload_of(payload).datagram();  // the pattern, behind an IP header
    Packet packet = whole.build(frames, 1, 1 + static_cast<unsigned>(random.below(3)));
    if (packet.bytes.front().size() < 60) continue;  // headers in one piece is the stack's duty
    const IpHeader ip = header_of(packet);
    const bool device = random.chance(0.3);
    ASSERT_TRUE(cut_super_segment(std::move(packet), ip, device, headers, out));
    std::size_t at = 0;
    ASSERT_EQ(out.size(), (payload + mss - 1) / mss);
    while (!out.empty()) {
      Packet segment = out.pop();
      const IpHeader own = header_of(segment);
      ASSERT_EQ(own.total_bytes, segment.bytes.size());
      const std::uint32_t header_bytes = tcp_headers_bytes(segment.bytes, own);
      const std::size_t size = own.total_bytes - header_bytes;
      ASSERT_LE(size, mss);
      const std::uint8_t* tcp = segment.bytes.front().data() + own.header_bytes;
      EXPECT_EQ(load_be32(tcp + 4), static_cast<std::uint32_t>(0xfffff000 + at));
      EXPECT_EQ((tcp[13] & 0x09) == 0x09, at + size == payload);
      EXPECT_EQ(segment.offload.needs_checksum, device);
      if (device) fill_checksum(segment);
      EXPECT_TRUE(l4_checksum_holds(segment.bytes, own));
      Bytes part(size);
      segment.bytes.copy_to(header_bytes, part);
      ASSERT_TRUE(std::equal(part.begin(), part.end(), expected.end() - static_cast<std::ptrdiff_t>(payload - at)));
      at += size;
    }
    EXPECT_EQ(at, payload);
  }
}

TEST_F(Cutting, CwrGoesWithTheFirstSegmentOnly) {
  PacketBuilder whole = weft::testing::ip("10.0.0.1", "10.0.0.2").tcp(1, 2).ack().payload_of(3000).gso(1000);
  Packet packet = whole.build(frames, 1);
  packet.bytes.front().data()[20 + 13] |= 0x80;
  const IpHeader ip = header_of(packet);
  ASSERT_TRUE(cut_super_segment(std::move(packet), ip, false, headers, out));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(out.pop().bytes.front().data()[33] & 0x80, i == 0 ? 0x80 : 0);
}

TEST_F(Cutting, DryPoolOrFullQueueSendsNothing) {
  HeapBufferPool two{512, 2};
  PacketBuilder whole = weft::testing::ip("10.0.0.1", "10.0.0.2").tcp(1, 2).ack().payload_of(3000).gso(1000);
  Packet packet = whole.build(frames, 1);
  const IpHeader ip = header_of(packet);
  EXPECT_FALSE(cut_super_segment(std::move(packet), ip, false, two, out));
  PacketQueue narrow(2);
  EXPECT_FALSE(cut_super_segment(whole.build(frames, 1), ip, false, headers, narrow));
  EXPECT_TRUE(out.empty() && narrow.empty());
}

TEST_F(Cutting, FragmentsCarryEveryByteOnce) {
  for (const bool v6 : {false, true}) {
    for (std::uint32_t mtu : {576u, 1280u, 1500u}) {
      PacketBuilder whole = v6 ? weft::testing::ip("fd00::1", "fd00::2") : weft::testing::ip("10.0.0.1", "10.0.0.2");
      whole.udp(1, 2).payload_of(5000);
      const Bytes datagram = whole.datagram();
      Packet packet = whole.build(frames, 1);
      const IpHeader ip = header_of(packet);
      ASSERT_TRUE(cut_into_fragments(std::move(packet), ip, mtu, 77, headers, out));
      Bytes gathered;
      while (!out.empty()) {
        Packet fragment = out.pop();
        ASSERT_LE(fragment.bytes.size(), mtu);
        const IpHeader own = header_of(fragment);
        EXPECT_TRUE(own.fragment);
        EXPECT_EQ(own.fragment_offset, gathered.size());
        EXPECT_EQ(own.more_fragments, !out.empty());
        Bytes part(own.payload_bytes());
        fragment.bytes.copy_to(own.header_bytes, part);
        gathered.insert(gathered.end(), part.begin(), part.end());
      }
      EXPECT_EQ(gathered, Bytes(datagram.begin() + ip.header_bytes, datagram.end()));
    }
  }
}

TEST(Checksums, UdpSumOfZeroIsWrittenAsOnes) {
  HeapBufferPool pool;
  PacketBuilder builder = ip("10.0.0.1", "10.0.0.2").udp(0, 0).payload(Bytes{0, 0});
  Packet packet = builder.build(pool, 1);
  const IpHeader header = *parse_ip(packet.bytes.front().bytes(), packet.bytes.size());
  store_be16(packet.bytes.front().data() + 20, load_be16(packet.bytes.front().data() + 26));  // makes the sum ffff
  store_be16(packet.bytes.front().data() + 26, 0);
  leave_checksum_to_device(packet, header);
  fill_checksum(packet);
  EXPECT_EQ(load_be16(packet.bytes.front().data() + 26), 0xffff);
  EXPECT_TRUE(l4_checksum_holds(packet.bytes, header));
}

}  // namespace
}  // namespace weft::net
