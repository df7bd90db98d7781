#include "tests/sim/soak.h"

#include <cstring>

namespace weft::sim {

namespace {

constexpr std::size_t kHeader = 20;  // of the request, see header_of()
constexpr unsigned kConnections = 40;  // a seed

std::uint8_t pattern(std::uint64_t key, std::uint64_t offset) {
  return static_cast<std::uint8_t>((key + offset) * 0x9e3779b97f4a7c15u >> 40);
}

std::string pattern_text(std::uint64_t key, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(pattern(key, offset + i));
  return text;
}

bool is_pattern(std::string_view text, std::uint64_t key, std::uint64_t offset) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<std::uint8_t>(text[i]) != pattern(key, offset + i)) return false;
  }
  return true;
}

std::string header_of(const Errand& errand) {
  std::string header(kHeader, '\0');
  std::memcpy(header.data(), &errand.key, 8);
  std::memcpy(header.data() + 8, &errand.request, 4);
  std::memcpy(header.data() + 12, &errand.response, 4);
  std::memcpy(header.data() + 16, &errand.flags, 4);
  return header;
}

}  // namespace

WorldOptions Soak::options_of(std::uint64_t seed) {
  Random random(seed * 77 + 5);
  WorldOptions options;
  options.seed = seed;
  options.workers = 1 + static_cast<unsigned>(random.below(3));
  options.one_queue = random.chance(0.5);
  if (random.chance(0.8)) options.wire.loss = 0.01;
  if (random.chance(0.5)) options.wire.duplicate = 0.005;
  if (random.chance(0.6)) options.wire.reorder = 0.05;
  options.wire.delay = Duration::microseconds(100 + static_cast<std::int64_t>(random.below(20'000)));
  // A RST that is lost is not repeated: keepalive finds the half-open connection that it leaves.
  options.tcp.keepalive_idle = Duration::seconds(30);
  options.tcp.keepalive_interval = Duration::seconds(5);
  if (random.chance(0.3)) {  // little room: back-pressure everywhere
    options.tcp.send_buffer_max = 16 * 1024;
    options.tcp.receive_buffer_initial = options.tcp.receive_buffer_max = 16 * 1024;
  }
  return options;
}

Soak::Soak(std::uint64_t seed) : random_(seed), world_(options_of(seed)) {
  for (unsigned node : {0u, 1u}) {
    const std::string n = std::to_string(node);
    world_.add_pod({.name = "client-" + n, .node = node});
    world_.add_pod({.name = "server-" + n, .node = node, .app = "server"}).listen(8080, server());
  }
  world_.add_pod({.name = "outsider", .in_mesh = false});
  world_.add_service("server", "server", 80, 8080);
  world_.publish();
}

// Reads the header, then does its part, checking each byte that comes.
Program Soak::server() {
  struct State {
    Errand errand;
    bool known = false;
    std::uint64_t read = 0, written = 0;
  };
  return [this, state = std::make_shared<State>(), first = true](Socket& s) mutable {
    if (std::exchange(first, false)) state = std::make_shared<State>();  // each connection has its own copy
    if (!state->known) {
      if (s.received.size() < kHeader) {
        if (s.eof()) s.finish();
        return;
      }
      std::memcpy(&state->errand.key, s.received.data(), 8);
      std::memcpy(&state->errand.request, s.received.data() + 8, 4);
      std::memcpy(&state->errand.response, s.received.data() + 12, 4);
      std::memcpy(&state->errand.flags, s.received.data() + 16, 4);
      s.received.erase(0, kHeader);
      state->known = true;
    }
    const Errand& e = state->errand;
    if (!is_pattern(s.received, e.key, state->read)) fail("the server read a wrong byte");
    state->read += s.received.size();
    s.received.clear();
    if (state->read > e.request) fail("the server read too much");
    if (s.eof() && state->read != e.request) fail("the server saw an end after " + std::to_string(state->read));
    if ((e.flags & Errand::kServerResets) != 0 && state->read > e.request / 2) return s.abort();
    const std::size_t room = s.unsent.size() < 32'768 ? 32'768 - s.unsent.size() : 0;
    const std::size_t n = std::min<std::size_t>(room, e.response - state->written);
    s.write(pattern_text(~e.key, state->written, n));
    state->written += n;
    if (state->written < e.response) return;
    if ((e.flags & Errand::kServerClosesFirst) != 0 || s.eof()) s.finish();
  };
}

void Soak::open_one() {
  auto client = std::make_unique<Client>();
  Errand& e = client->errand;
  e.key = random_.next();
  const auto size = [this] {
    const std::uint64_t most = random_.chance(0.1) ? 400'000 : random_.chance(0.5) ? 20'000 : 200;
    return static_cast<std::uint32_t>(random_.below(most));
  };
  e.request = size();
  e.response = size();
  if (random_.chance(0.3)) e.flags |= Errand::kServerClosesFirst;
  if (random_.chance(0.08)) e.flags |= Errand::kClientResets;
  if (random_.chance(0.08)) e.flags |= Errand::kServerResets;
  if (random_.chance(0.1)) e.flags |= Errand::kSlowReader;
  const bool outsider = random_.chance(0.15);
  const std::string from = outsider ? "outsider" : "client-" + std::to_string(random_.below(2));
  const bool v6 = random_.chance(0.4);
  const bool direct = outsider || random_.chance(0.2);
  const std::string to = "server-" + std::to_string(random_.below(2));
  Socket& socket = direct ? world_.connect(from, world_.at(to, 8080, v6)) : world_.connect(from, "server", v6);
  client->socket = &socket;
  client->must_succeed = (e.flags & (Errand::kClientResets | Errand::kServerResets)) == 0;
  if (random_.chance(0.05)) {
    socket.write_at_once = 1 + random_.below(3);
    e.request = std::min(e.request, 3000u);
  }
  socket.write(header_of(e));
  Client* raw = client.get();
  socket.program = [this, raw](Socket&) { drive(*raw); };
  clients_.push_back(std::move(client));
  ++figures_.connections;
}

void Soak::drive(Client& client) {
  Socket& s = *client.socket;
  const Errand& e = client.errand;
  if (!is_pattern(s.received, ~e.key, client.read)) fail("a client read a wrong byte");
  client.read += s.received.size();
  s.received.clear();
  if (client.read > e.response) fail("a client read too much");
  if (s.eof() && client.read != e.response) fail("a client saw an end after " + std::to_string(client.read));
  const std::uint64_t given = s.bytes_written + s.unsent.size() - kHeader;
  if ((e.flags & Errand::kClientResets) != 0 && given > e.request / 2) return s.abort();
  if ((e.flags & Errand::kSlowReader) != 0) s.reading = !s.reading || given == e.request;
  const std::size_t room = s.unsent.size() < 32'768 ? 32'768 - s.unsent.size() : 0;
  const std::size_t n = std::min<std::size_t>(room, e.request - given);
  s.write(pattern_text(e.key, given, n));
  if (given + n < e.request) return;
  if ((e.flags & Errand::kServerClosesFirst) == 0 || s.eof()) s.finish();
}

// Policies, peer modes and pods change. What is open may be cut by it; what opens later must obey it.
void Soak::change_something() {
  for (auto& client : clients_) client->must_succeed = false;
  switch (random_.below(4)) {
    case 0: strict_ = !strict_; break;
    case 1: denying_ = !denying_; break;
    case 2:
      world_.add_pod({.name = "spare-" + std::to_string(spare_++), .node = 1, .app = "spare"});
      break;
    default:
      if (!std::exchange(churned_, true)) {
        world_.remove_pod("server-1");
        world_.add_pod({.name = "server-1", .node = 1, .account = "server-2", .app = "server", .number = 11})
            .listen(8080, server());
      }
  }
  world_.cluster.put("mtls", strict_ ? peer_authentication("STRICT") : "");
  world_.cluster.put("policy", denying_ ? authorization_policy("deny", "DENY", "server", {"client-1"}) : "");
  world_.publish();
}

void Soak::judge(Client& client) {
  const Socket& s = *client.socket;
  client.judged = true;
  figures_.bytes += client.read + s.bytes_written;
  const bool whole = client.read == client.errand.response && !s.reset();
  figures_.complete += whole;
  if (client.must_succeed && !whole) {
    fail("a connection that nothing disturbed ended " + std::string(net::to_string(*s.closed)) + " after " +
         std::to_string(client.read) + " of " + std::to_string(client.errand.response) + ": " +
         s.local.to_string() + " -> " + s.remote.to_string() + "; last: " + to_line(world_.last_refusal()));
  }
}

// What those that hang are doing, at both programs and in both proxies.
std::string Soak::open_ones() {
  std::string text;
  const auto describe = [&text](const char* who, const Socket& s) {
    const net::TcpInfo info = s.kernel->tcp().info(s.id);
    text += std::string("\n  ") + who + " " + s.local.to_string() + " -> " + s.remote.to_string() + " " +
            std::string(to_string(info.state)) + " read " + std::to_string(s.bytes_read) + " written " +
            std::to_string(s.bytes_written) + " unsent " + std::to_string(s.unsent.size()) + " queued " +
            std::to_string(info.send_queue) + " unread " + std::to_string(info.receive_queue) + " out of order " +
            std::to_string(info.out_of_order) + " window " + std::to_string(info.send_window) +
            (s.shut ? " shut" : "") + (s.peer_closed ? " peer closed" : "");
  };
  for (const auto& client : clients_) {
    if (client->socket->closed) continue;
    describe("client", *client->socket);
    text += " request " + std::to_string(client->errand.request) + " response " +
            std::to_string(client->errand.response) + " flags " + std::to_string(client->errand.flags);
  }
  for (const char* server : {"server-0", "server-1"}) {
    for (const Socket* s : world_.pod(server).accepted(8080)) {
      if (!s->closed) describe(server, *s);
    }
  }
  for (unsigned node = 0; node < 2; ++node) {
    for (unsigned i = 0; i < world_.node(node).workers(); ++i) {
      for (const auto& r : world_.node(node).proxy(i).connections(world_.now(), kNoInterface, 100)) {
        text += "\n  node " + std::to_string(node) + " " + r.stage + " " + to_line(r);
      }
    }
  }
  return text;
}

std::string Soak::run() {
  const bool changes = random_.chance(0.7);
  for (unsigned i = 0; i < kConnections && failure_.empty(); ++i) {
    open_one();
    world_.run(Duration::milliseconds(static_cast<std::int64_t>(random_.below(200))));
    if (!changes || !random_.chance(0.08)) continue;
    change_something();
  }
  const auto all_closed = [this] {
    for (const auto& client : clients_) {
      if (!client->socket->closed) return false;
    }
    return true;
  };
  if (!changes && !world_.run_until(all_closed, Duration::seconds(900))) fail("connections did not end:" + open_ones());
  if (changes) world_.run(Duration::seconds(30));
  for (auto& client : clients_) {
    // Whom a policy denies, or whom the mode does not let in, is not a failure: only undisturbed seeds say more.
    if (changes) client->must_succeed = false;
    if (client->socket->closed) judge(*client);
  }
  figures_.frames = world_.frames;
  if (!failure_.empty()) return failure_;
  const std::string left = world_.finish();
  return left.empty() ? failure_ : "left behind: " + left;
}

}  // namespace weft::sim
