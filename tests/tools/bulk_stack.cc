// The transfer over the production stack, on the monotonic clock.
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tests/conformance/address.h"
#include "tests/conformance/socket_layer.h"
#include "tests/tools/bulk.h"
#include "tests/tools/packet_device.h"

namespace weft::tools {

namespace {

constexpr std::uint32_t kMtu = 1500;
constexpr int kBurst = 64;  // datagrams in before any goes out: as a worker's turn (dataplane/worker)
constexpr Duration kPatience = Duration::seconds(120);  // without progress
constexpr std::size_t kReadBytes = 262'144;

net::TcpOptions tcp_options(const BulkOptions& options) {
  net::TcpOptions tcp;
  if (options.buffer != 0) tcp.receive_buffer_max = tcp.send_buffer_max = options.buffer;
  return tcp;
}

class StackTransfer {
 public:
  explicit StackTransfer(const BulkOptions& options)
      : options_(options), device_(options.device, options.local.address, options.next_hop),
        pod_(tcp_options(options), kMtu, static_cast<std::uint64_t>(read_clock().ns())),
        sockets_(pod_, {options.local.address, IpAddress()}), source_(options), sink_(options), block_(kReadBytes) {}

  BulkResult run() {
    open();
    while (!is_over()) {
      turn();
      wait();
    }
    result_.retransmits = pod_.tcp().stats().retransmits;
    net::for_each_counter(pod_.tcp().stats(), [this](const char* name, const char*, std::uint64_t value) {
      if (value != 0) result_.counters += ", \"" + std::string(name) + "\": " + std::to_string(value);
    });
    return std::move(result_);
  }

 private:
  enum class Phase { kOpening, kTransfer, kAwaitingFin, kClosed };

  void open() {
    now_ = last_progress_ = read_clock();
    socket_ = sockets_.socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    conformance::write_endpoint(AF_INET, options_.sends ? options_.remote : options_.local, &address, &size);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    if (options_.sends) {
      result_.began = now_;
      sockets_.connect(now_, socket_, to, size);
      transmit();
    } else {
      sockets_.bind(socket_, to, size);
      sockets_.listen(socket_, 1);
      std::puts("listening");
      std::fflush(stdout);
    }
  }

  // The order of a worker's turn: receive, timers, programs, transmit.
  void turn() {
    now_ = read_clock();
    for (int i = 0; i < kBurst; ++i) {
      const ByteSpan datagram = device_.receive();
      if (datagram.empty()) break;
      pod_.input(now_, datagram);
    }
    pod_.on_timer(now_);
    sockets_.take_events(now_);
    if (phase_ == Phase::kOpening) on_opening();
    if (phase_ == Phase::kTransfer) options_.sends ? send() : receive();
    if (phase_ == Phase::kAwaitingFin) await_fin();
    transmit();
    if (phase_ != Phase::kClosed && now_ - last_progress_ > kPatience) fail("no progress", ETIMEDOUT);
  }
  void transmit() {
    while (pod_.output(now_, &datagram_)) device_.send(datagram_);
  }
  void wait() {
    const Time next = std::min(pod_.deadline(), now_ + Duration::seconds(1));
    const std::int64_t ns = std::max<std::int64_t>((next - read_clock()).ns(), 0);
    const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
    pollfd device{device_.fd(), POLLIN, 0};
    ::ppoll(&device, 1, &timeout, nullptr);
  }

  void on_opening() {
    if (options_.sends) {
      const int opened = sockets_.connect_result(socket_);
      if (opened == -EAGAIN) return;
      if (opened != 0) return fail("connect", -opened);
      source_.on_begun(now_);
    } else {
      const int accepted = sockets_.accept(socket_, nullptr, nullptr);
      if (accepted < 0) {
        last_progress_ = now_;
        return;
      }
      socket_ = accepted;
      result_.began = now_;
    }
    last_progress_ = now_;
    phase_ = Phase::kTransfer;
  }
  void send() {
    while (!source_.is_done(now_)) {
      const ssize_t n = sockets_.send(now_, socket_, source_.next(), 0);
      if (n == -EAGAIN) return;
      if (n < 0) return fail("send", static_cast<int>(-n));
      source_.on_sent(static_cast<std::size_t>(n));
      last_progress_ = now_;
    }
    result_.bytes = source_.sent();
    sockets_.shutdown(now_, socket_, SHUT_WR);
    phase_ = Phase::kAwaitingFin;
  }
  void receive() {
    for (;;) {
      const ssize_t n = sockets_.recv(now_, socket_, block_, 0);
      if (n == -EAGAIN) return;
      if (n < 0) return fail("recv", static_cast<int>(-n));
      if (n == 0) return close();
      last_progress_ = now_;
      if (!sink_.on_received(now_, ByteSpan(block_).first(static_cast<std::size_t>(n)), &result_)) return close();
    }
  }
  // The peer has read everything when its FIN comes.
  void await_fin() {
    const ssize_t n = sockets_.recv(now_, socket_, block_, 0);
    if (n == -EAGAIN) return track_progress();
    if (n != 0) return fail("await the peer's FIN", n < 0 ? static_cast<int>(-n) : EPROTO);
    close();
  }
  void track_progress() {
    int queued = 0;
    sockets_.ioctl(socket_, SIOCOUTQ, &queued);
    if (queued != queued_) last_progress_ = now_;
    queued_ = queued;
  }
  void close() {
    result_.ended = now_;
    sockets_.close(now_, socket_);
    phase_ = Phase::kClosed;
  }
  void fail(const char* what, int error) {
    result_.error = std::string(what) + ": " + std::strerror(error);
    close();
  }
  // The orphan's FIN is acknowledged.
  bool is_over() {
    return phase_ == Phase::kClosed && (pod_.tcp().connections() == 0 || now_ - result_.ended > Duration::seconds(5));
  }

  const BulkOptions& options_;
  PacketDevice device_;
  conformance::PodStack pod_;
  conformance::SocketLayer sockets_;
  BulkSource source_;
  BulkSink sink_;
  std::vector<std::uint8_t> block_, datagram_;
  BulkResult result_;
  Phase phase_ = Phase::kOpening;
  Time now_, last_progress_;
  int socket_ = -1, queued_ = 0;
};

}  // namespace

BulkResult transfer_by_stack(const BulkOptions& options) { return StackTransfer(options).run(); }

}  // namespace weft::tools
