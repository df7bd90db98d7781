// How connections carry bytes and end, in a simulated mesh of two nodes.
#include <gtest/gtest.h>

#include "tests/sim/proxy_fixture.h"
#include "tests/sim/tls_program.h"

namespace weft::sim {
namespace {

std::string counted(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761u >> 11);
  return text;
}

WorldOptions workers(unsigned count, bool one_queue = false) {
  WorldOptions options;
  options.workers = count;
  options.one_queue = one_queue;
  return options;
}

WorldOptions little_room() {
  WorldOptions options = workers(2);
  for (net::TcpOptions* each : {&options.tcp, &options.pod_tcp}) {
    each->send_buffer_max = each->receive_buffer_initial = each->receive_buffer_max = 32 * 1024;
  }
  return options;
}

using TransferTest = ProxyTest;

class TwoWorkers : public ProxyTest {
 protected:
  TwoWorkers() : ProxyTest(workers(2, true)) {}
};

TEST_F(TwoWorkers, ServeCallsOverOneQueueByHandingOver) {
  for (int i = 0; i < 8; ++i) EXPECT_EQ(call("client", "web", i % 2 == 1), "hello web");
  EXPECT_EQ(call("client", "near"), "hello near");
  EXPECT_GT(world.node(1).handed_over(), 0u);
  for (unsigned worker : {0u, 1u}) EXPECT_GT(world.node(1).proxy(worker).counters().opened.value(), 0u);
}

class LittleRoom : public ProxyTest {
 protected:
  LittleRoom() : ProxyTest(little_room()) {}
};

TEST_F(LittleRoom, MegabytesPassBothWaysAtOnce) {
  const std::string text = counted(5'000'000);
  for (const char* service : {"web", "near"}) {
    EXPECT_TRUE(exchange(world.connect("client", service), text) == text) << service;
  }
}

TEST_F(LittleRoom, ASlowReaderHoldsItsWriterBack) {
  world.pod("web").listen(8080, [](Socket& s) { s.reading = false; });
  Socket& s = world.connect("client", "web");
  s.write(counted(5'000'000));
  world.run(Duration::seconds(20));
  EXPECT_LT(s.bytes_written, 400'000u);
  for (unsigned node : {0u, 1u}) EXPECT_LT(world.node(node).buffer_memory(), 1'500'000u);
  Socket& server = *web().accepted(8080).back();
  server.program = [](Socket& each) { each.reading = true; };
  EXPECT_TRUE(world.run_until([&] { return server.received.size() == 5'000'000; }, Duration::seconds(120)));
  EXPECT_TRUE(server.received == counted(5'000'000));
}

TEST_F(TransferTest, HalfAConnectionStaysOpenAfterTheClientsEnd) {
  world.pod("web").listen(8080, [](Socket& s) {  // answers after it has read the end
    if (!s.eof() && s.received.empty()) return;
    if (s.peer_closed && s.bytes_written == 0 && s.unsent.empty()) s.write("all of " + s.received).finish();
    if (s.peer_closed) s.received.clear();
  });
  EXPECT_EQ(exchange(world.connect("client", "web"), "this"), "all of this");
}

TEST_F(TransferTest, HalfAConnectionStaysOpenAfterTheServersEnd) {
  world.pod("web").listen(8080, [](Socket& s) {
    if (s.established && s.bytes_written == 0 && s.unsent.empty()) s.write("bye").finish();
  });
  Socket& s = world.connect("client", "web");
  ASSERT_TRUE(world.run_until([&] { return s.peer_closed && s.received == "bye"; }));
  s.write("one more thing").finish();
  EXPECT_TRUE(world.run_until([&] { return web().accepted(8080).back()->received == "one more thing"; }));
  EXPECT_TRUE(world.run_until([&] { return world.ends(EndReason::kOrderly) == 2; }));
}

TEST_F(TransferTest, AClientsResetReachesTheServer) {
  for (const char* service : {"web", "near"}) {
    Socket& s = world.connect("client", service);
    ASSERT_TRUE(reaches(s, "x"));
    s.abort();
    EXPECT_TRUE(world.run_until([&] { return world.pod(service).accepted(8080).back()->reset(); })) << service;
  }
}

TEST_F(TransferTest, AServersResetReachesTheClient) {
  for (const char* service : {"web", "near"}) {
    Socket& s = world.connect("client", service);
    ASSERT_TRUE(reaches(s, "x"));
    world.pod(service).accepted(8080).back()->abort();
    EXPECT_TRUE(world.run_until([&] { return s.reset(); })) << service;
  }
}

TEST_F(TransferTest, ARefusedConnectionResetsTheClient) {
  world.pod("web").close_port(8080);
  world.pod("near").close_port(8080);
  for (const char* service : {"web", "near"}) {
    Socket& s = world.connect("client", service);
    EXPECT_TRUE(world.run_until([&] { return s.reset(); })) << service;
  }
  EXPECT_EQ(world.ends(EndReason::kConnectFailed), 2u);
}

TEST_F(TransferTest, AServerThatDoesNotAnswerIsGivenUp) {
  world.pod("near").hide_port(8080);
  Socket& s = world.connect("client", "near");
  EXPECT_TRUE(world.run_until([&] { return s.reset(); }, Duration::seconds(30)));
  EXPECT_EQ(world.last_refusal().reason, EndReason::kConnectFailed);
  world.wire_cut = true;
  Socket& far = world.connect("client", "web");
  EXPECT_TRUE(world.run_until([&] { return far.reset(); }, Duration::seconds(30)));
}

TEST_F(TransferTest, AnIdleConnectionEndsAndABusyOneDoesNot) {
  Socket& idle = world.connect("client", "near");
  Socket& busy = world.connect("client", "near");
  ASSERT_TRUE(reaches(idle, "x"));
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(reaches(busy, "still here"));
    world.run(Duration::seconds(600));
  }
  EXPECT_TRUE(idle.reset());
  EXPECT_TRUE(reaches(busy, "still here"));
  EXPECT_EQ(world.ends(EndReason::kIdleTimeout), 1u);
}

TEST_F(TransferTest, BytesCutOffWithoutAClosureAlertAreNoOrderlyEnd) {
  Socket& s = world.connect("outsider", world.at("web", 8080));
  TlsProgram tls(s, "client", {"istio"});
  tls.write("half of it");
  ASSERT_TRUE(world.run_until([&] { return tls.received == "half of it"; }));
  s.finish();  // FIN, no close_notify
  EXPECT_TRUE(world.run_until([&] { return web().accepted(8080).back()->reset(); }));
  EXPECT_EQ(world.last_refusal().reason, EndReason::kTls);
}

TEST_F(TransferTest, KeysMayBeChangedInTheMiddle) {
  Socket& s = world.connect("outsider", world.at("web", 8080));
  TlsProgram tls(s, "client", {"istio"});
  std::string sent;
  for (int i = 0; i < 5; ++i) {
    sent += counted(50'000);
    tls.write(counted(50'000));
    ASSERT_TRUE(world.run_until([&] { return tls.received.size() == sent.size(); })) << i;
    tls.session().request_key_update();
  }
  EXPECT_TRUE(tls.received == sent);
  tls.session().close_notify();
  s.finish();
  EXPECT_TRUE(world.run_until([&] { return s.closed.has_value(); }));
  EXPECT_FALSE(web().accepted(8080).back()->reset());
}

TEST_F(TransferTest, GarbageInsteadOfARecordIsRefusedAndTold) {
  Socket& s = world.connect("outsider", world.at("web", 8080));
  TlsProgram tls(s, "client", {"istio"});
  tls.write("good");
  ASSERT_TRUE(world.run_until([&] { return tls.received == "good"; }));
  s.write(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_TRUE(world.run_until([&] { return s.reset() && web().accepted(8080).back()->reset(); }));
  EXPECT_EQ(world.ends(EndReason::kTls), 1u);
}

}  // namespace
}  // namespace weft::sim
