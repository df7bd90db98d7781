// What a failing seed leaves behind can be read: captures by the tools that know the format, the trace by a person.
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "dataplane/net/tcp_types.h"
#include "tests/sim/tcp_simulation.h"

namespace weft::sim {
namespace {

std::uint32_t little_endian(const std::vector<std::uint8_t>& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} | std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 3]} << 24;
}

struct Record {
  std::int64_t ns = 0;
  std::vector<std::uint8_t> bytes;
};

// Reads a capture as the format's draft has it, not as the writer does.
std::vector<Record> parse(const std::vector<std::uint8_t>& file) {
  std::vector<Record> records;
  EXPECT_GE(file.size(), 24u);
  EXPECT_EQ(little_endian(file, 0), 0xa1b23c4du);
  EXPECT_EQ(little_endian(file, 4), 4u << 16 | 2u);
  EXPECT_EQ(little_endian(file, 20), 101u);
  for (std::size_t at = 24; at < file.size();) {
    const std::uint32_t size = little_endian(file, at + 8);
    EXPECT_EQ(little_endian(file, at + 12), size);
    EXPECT_LE(at + 16 + size, file.size());
    Record r;
    r.ns = std::int64_t{little_endian(file, at)} * 1'000'000'000 + little_endian(file, at + 4);
    r.bytes.assign(file.begin() + static_cast<std::ptrdiff_t>(at + 16),
                   file.begin() + static_cast<std::ptrdiff_t>(at + 16 + size));
    records.push_back(r);
    at += 16 + size;
  }
  return records;
}

std::size_t lines_with(const std::string& text, const std::string& part) {
  std::istringstream lines(text);
  std::size_t n = 0;
  for (std::string line; std::getline(lines, line);) n += line.find(part) != std::string::npos;
  return n;
}

TEST(PcapWriter, WhatIsWrittenParsesBack) {
  PcapWriter writer;
  const std::vector<std::uint8_t> one{0x45, 1, 2}, other(1500, 0x60);
  writer.write(Time::from_ns(1'000'000'000'123), one);
  writer.write(Time::from_ns(2'999'999'999), other);
  const std::vector<Record> records = parse(writer.bytes());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].bytes, one);
  EXPECT_EQ(records[0].ns, 1'000'000'000'123);
  EXPECT_EQ(records[1].bytes, other);
  EXPECT_EQ(records[1].ns, 2'999'999'999);
}

class Recording : public ::testing::Test {
 protected:
  // One small request and answer.
  Recording() : recorder(2, TcpSimulation::kBegin) {
    scenario.hosts.resize(2);
    scenario.links.resize(2);
    scenario.connections.resize(1);
    scenario.connections[0].programs[0].bytes = 1;
    scenario.connections[0].programs[0].half_close = false;
    scenario.connections[0].programs[1].bytes = 5000;
  }
  Scenario scenario;
  Recorder recorder;
};

TEST_F(Recording, CaptureHoldsEachDatagramThatAHostSentOrGot) {
  const Outcome outcome = TcpSimulation(1, scenario, &recorder).run();
  ASSERT_EQ(outcome.failure, "");
  std::size_t captured = 0;
  for (const int host : {0, 1}) {
    const std::vector<Record> records = parse(recorder.capture(host).bytes());
    captured += records.size();
    const std::string name = "h" + std::to_string(host);
    const std::string& trace = recorder.trace();
    EXPECT_EQ(records.size(), lines_with(trace, name + " sends ") + lines_with(trace, name + " gets "));
    std::int64_t last = 0;
    for (const Record& r : records) {
      EXPECT_EQ(r.bytes[0], 0x45);
      EXPECT_EQ(load_be16(&r.bytes[2]), r.bytes.size());
      EXPECT_GE(r.ns, last);
      last = r.ns;
    }
  }
  EXPECT_EQ(captured, 2 * outcome.datagrams);  // nothing was lost
}

TEST_F(Recording, TraceReadsAsAConversation) {
  TcpSimulation(1, scenario, &recorder).run();
  std::istringstream lines(recorder.trace());
  std::string first, second;
  std::getline(lines, first);
  std::getline(lines, second);
  EXPECT_EQ(first, "0.000000 h0 c0 begins");
  EXPECT_EQ(second.substr(0, 75), "0.000000 h0 sends c0 h0>h1 S seq 0 win 65535 len 0 mss 1460 sack-permitted ");
  const std::string& trace = recorder.trace();
  EXPECT_NE(trace.find("0.010000 h1 sends c0 h1>h0 SA seq 0 ack 1 win 65535 len 0"), std::string::npos) << trace;
  EXPECT_NE(trace.find("h0>h1 PA seq 1:2 ack 1 "), std::string::npos) << trace;
  EXPECT_NE(trace.find("h1 c0 closed: orderly"), std::string::npos) << trace;
  EXPECT_LT(trace.find("h0 c0 established"), trace.find("h1 c0 established"));
}

TEST_F(Recording, TraceSaysWhatTheLinksDid) {
  scenario.links[0][kUp].loss = 0.4;
  scenario.links[1][kUp].duplicate = 0.5;
  scenario.links[0][kDown].corrupt = 0.3;
  scenario.links[0][kDown].mtu = 900;
  scenario.hosts[0].tcp.rto_max = Duration::seconds(1);
  scenario.hosts[0].tcp.retries = scenario.hosts[1].tcp.retries = 100;
  ASSERT_EQ(TcpSimulation(1, scenario, &recorder).run().failure, "");
  for (const char* part : {" | lost", " | duplicated", " | corrupted", "h0 drops it: ", " | too big for 900",
                           "h1 gets router>h1 ICMP of 576 bytes", " sack "}) {
    EXPECT_GT(lines_with(recorder.trace(), part), 0u) << part;
  }
}

}  // namespace
}  // namespace weft::sim
