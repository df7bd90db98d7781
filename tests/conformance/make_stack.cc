// pd::make_stack: stack.h's interface over the production stack. Times are microseconds there, nanoseconds here.
#include "tests/conformance/configuration.h"
#include "tests/conformance/socket_layer.h"
#include "tests/conformance/stack.h"

namespace weft::conformance {

namespace {

// Where scripts' time 0 lies on the stack's clock, which has run for a while when production's connections open.
constexpr Duration kEpoch = Duration::seconds(1000);

Time from_script(pd::Time t) { return Time() + kEpoch + Duration::microseconds(t); }

// Nagle's algorithm as a BSD socket has it; all else is production's defaults.
net::TcpOptions tcp_options() {
  net::TcpOptions options;
  options.nagle = true;
  return options;
}

// Documentation addresses (RFC 5737, RFC 3849) where the configuration names none.
std::array<IpAddress, 2> sources_of(const pd::StackConfig& config) {
  std::array<IpAddress, 2> sources{IpAddress::v4(192, 0, 2, 1), *IpAddress::parse("2001:db8::1")};
  if (const auto named = IpAddress::parse(config.local_ip)) sources[named->is_v6() ? 1 : 0] = *named;
  return sources;
}

class ConformanceStack final : public pd::Stack {
 public:
  explicit ConformanceStack(const pd::StackConfig& config)
      : pod_(tcp_options(), static_cast<std::uint32_t>(config.mtu), config.seed), sockets_(pod_, sources_of(config)) {}

  void input(pd::Time now, const std::uint8_t* p, std::size_t n) override {
    pod_.input(from_script(now), {p, n});
    settled(now, 0);
  }
  bool output(pd::Time now, std::vector<std::uint8_t>* datagram) override {
    const bool any = pod_.output(from_script(now), datagram);
    if (any) settled(now, 0);
    return any;
  }
  pd::Time deadline() const override {
    const Time t = pod_.deadline();
    return t.is_never() ? pd::kNever : (t - from_script(0)).us();
  }
  void on_timer(pd::Time now) override {
    pod_.on_timer(from_script(now));
    settled(now, 0);
  }

  int socket(pd::Time, int domain, int type, int protocol) override { return sockets_.socket(domain, type, protocol); }
  int bind(pd::Time, Sock s, const sockaddr* address, socklen_t size) override {
    return sockets_.bind(s, address, size);
  }
  int listen(pd::Time, Sock s, int backlog) override { return sockets_.listen(s, backlog); }
  int accept(pd::Time, Sock s, sockaddr_storage* peer, socklen_t* size) override {
    return sockets_.accept(s, peer, size);
  }
  int connect(pd::Time now, Sock s, const sockaddr* address, socklen_t size) override {
    return settled(now, sockets_.connect(from_script(now), s, address, size));
  }
  int connect_result(pd::Time, Sock s) override { return sockets_.connect_result(s); }
  ssize_t send(pd::Time now, Sock s, const void* bytes, std::size_t n, int flags, const sockaddr*, socklen_t) override {
    return settled(now, sockets_.send(from_script(now), s, {static_cast<const std::uint8_t*>(bytes), n}, flags));
  }
  ssize_t recv(pd::Time now, Sock s, void* bytes, std::size_t n, int flags) override {
    return settled(now, sockets_.recv(from_script(now), s, {static_cast<std::uint8_t*>(bytes), n}, flags));
  }
  int shutdown(pd::Time now, Sock s, int how) override {
    return settled(now, sockets_.shutdown(from_script(now), s, how));
  }
  int close(pd::Time now, Sock s) override { return settled(now, sockets_.close(from_script(now), s)); }
  unsigned ready(pd::Time, Sock s) override { return sockets_.ready(s); }
  int getsockopt(pd::Time, Sock s, int level, int name, void* value, socklen_t* size) override {
    return sockets_.getsockopt(s, level, name, value, size);
  }
  int setsockopt(pd::Time now, Sock s, int level, int name, const void* value, socklen_t size) override {
    return settled(now, sockets_.setsockopt(from_script(now), s, level, name, value, size));
  }
  int ioctl(pd::Time, Sock s, unsigned long request, void* value) override { return sockets_.ioctl(s, request, value); }

  // Beside the keys of configure(): handover, 1: every connection is frozen to bytes and thawed after each call.
  bool configure(pd::Time, const std::string& key, const std::string& value) override {
    if (key != "handover") return conformance::configure(pod_, key, value);
    hands_over_ = value == "1";
    return hands_over_ || value == "0";
  }

 private:
  template <typename Result>
  Result settled(pd::Time now, Result result) {
    sockets_.take_events(from_script(now));
    if (hands_over_) sockets_.hand_over(from_script(now));
    return result;
  }

  PodStack pod_;
  SocketLayer sockets_;
  bool hands_over_ = false;
};

}  // namespace

}  // namespace weft::conformance

std::unique_ptr<pd::Stack> pd::make_stack(const StackConfig& config) {
  return std::make_unique<weft::conformance::ConformanceStack>(config);
}
