// weft-impair A B: a wire between two interfaces that is as bad as asked, the same way each time. For kernels without
// netem. Runs until SIGINT, SIGTERM or --seconds, then prints what it did to each direction.
//
// A and B name interfaces of the caller's namespace, read and written by AF_PACKET (both ends of a veth must have
// checksum and segmentation offloads off), or tap:NAME, which makes a TAP of that name.
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tests/tools/impairment.h"
#include "tests/tools/tool_main.h"

namespace weft::tools {
namespace {

// Jumbo frames included.
constexpr std::size_t kFrameMax = 65536;
constexpr int kBurst = 64;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

int open_tap(const std::string& name) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("open /dev/net/tun");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (::ioctl(fd, TUNSETIFF, &request) != 0) fail("create TAP " + name);
  return fd;
}

int open_packet_socket(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) fail("find interface " + name);
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("open a packet socket");
  const int on = 1, room = 8 << 20;
  if (::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) fail("ignore own frames");
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  packet_mreq everything{};
  everything.mr_ifindex = static_cast<int>(index);
  everything.mr_type = PACKET_MR_PROMISC;
  ::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &everything, sizeof everything);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = __builtin_bswap16(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind to " + name);
  return fd;
}

int open_end(const std::string& end) {
  constexpr std::string_view kTap = "tap:";
  return end.starts_with(kTap) ? open_tap(end.substr(kTap.size())) : open_packet_socket(end);
}

Time read_clock() {
  return Time::from_ns(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

// Frames that come in at one end and leave at the other.
struct Direction {
  int from, to;
  Impairment wire;
  std::uint64_t refused = 0;  // the far interface did not take it

  void receive(Time now) {
    static std::array<std::uint8_t, kFrameMax> buffer;
    for (int i = 0; i < kBurst; ++i) {
      const ssize_t size = ::read(from, buffer.data(), buffer.size());
      if (size <= 0) return;
      wire.on_frame(now, Frame(buffer.data(), buffer.data() + size));
    }
  }
  void transmit(Time now) {
    Frame frame;
    while (wire.poll(now, &frame)) {
      if (::write(to, frame.data(), frame.size()) < 0) ++refused;
    }
  }
  void print(const std::string& name) const {
    const ImpairmentCounters& c = wire.counters();
    std::printf("%s: in %lu, out %lu, loss %.3f %% (single %lu, bursts %lu, queue %lu), ", name.c_str(), c.in, c.out,
                100 * c.loss(), c.lost, c.lost_in_bursts, c.lost_in_queue);
    std::printf("reordered %lu, duplicated %lu, delay mean %.3f ms max %.3f ms, refused %lu\n", c.reordered,
                c.duplicated, static_cast<double>(c.mean_delay().ns()) / 1e6,
                static_cast<double>(c.delay_max.ns()) / 1e6, refused);
  }
};

class Relay {
 public:
  Relay(int a, int b, ImpairmentOptions options)
      : forth_{a, b, Impairment(options)}, back_{b, a, Impairment(other_direction(options))} {
    watch(a);
    watch(b);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &stop, nullptr);
    signal_ = ::signalfd(-1, &stop, SFD_CLOEXEC);
    watch(signal_);
  }

  void run(Time end) {
    for (;;) {
      Time now = read_clock();
      forth_.transmit(now);
      back_.transmit(now);
      now = read_clock();
      if (now >= end) return;
      const Time next = std::min({forth_.wire.deadline(), back_.wire.deadline(), end});
      if (!wait(std::max(next - now, Duration()))) return;
    }
  }
  void print(const std::string& a, const std::string& b) const {
    forth_.print(a + " -> " + b);
    back_.print(b + " -> " + a);
  }

 private:
  static ImpairmentOptions other_direction(ImpairmentOptions options) {
    options.seed = Random(options.seed).next();
    return options;
  }
  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("watch an interface");
  }
  // False: told to stop.
  bool wait(Duration limit) {
    std::array<epoll_event, 4> events;
    const timespec timeout{std::min<std::int64_t>(limit.ns() / 1'000'000'000, 3600), limit.ns() % 1'000'000'000};
    const int count = ::epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
    const Time now = read_clock();
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == signal_) return false;
      (fd == forth_.from ? forth_ : back_).receive(now);
    }
    return true;
  }

  Direction forth_, back_;
  int epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  int signal_ = -1;
};

Duration from_ms(double ms) { return Duration::nanoseconds(static_cast<std::int64_t>(ms * 1e6)); }

int run(int argc, char** argv) {
  CLI::App app("A wire between two interfaces, as bad as asked");
  ImpairmentOptions options;
  std::string a, b;
  double loss = 0, burst_loss = 0, reorder = 0, duplicate = 0;
  double burst_silence_ms = 0, delay_ms = 0, jitter_ms = 0, reorder_ms = 2, mbit = 0, seconds = 0;
  app.add_option("A", a, "interface, or tap:NAME")->required();
  app.add_option("B", b, "interface, or tap:NAME")->required();
  app.add_option("--seed", options.seed, "the same seed gives the n-th frame the same fate");
  app.add_option("--loss", loss, "percent of frames lost")->check(CLI::Range(0.0, 100.0));
  app.add_option("--burst-loss", burst_loss, "percent of frames that begin a burst of loss")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--burst-length", options.burst_length, "mean frames in a burst")->check(CLI::Range(1.0, 1e6));
  app.add_option("--burst-silence", burst_silence_ms, "milliseconds without a frame end a burst; 0: never")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--delay", delay_ms, "milliseconds, each way")->check(CLI::NonNegativeNumber);
  app.add_option("--jitter", jitter_ms, "up to so many milliseconds more, in order")->check(CLI::NonNegativeNumber);
  app.add_option("--reorder", reorder, "percent of frames held back")->check(CLI::Range(0.0, 100.0));
  app.add_option("--reorder-delay", reorder_ms, "by so many milliseconds")->check(CLI::NonNegativeNumber);
  app.add_option("--duplicate", duplicate, "percent of frames sent twice")->check(CLI::Range(0.0, 100.0));
  app.add_option("--rate", mbit, "Mbit/s, each way; 0: no limit")->check(CLI::NonNegativeNumber);
  app.add_option("--queue", options.queue_bytes_max, "bytes that may wait for the rate");
  app.add_option("--seconds", seconds, "ends after so long")->check(CLI::NonNegativeNumber);
  CLI11_PARSE(app, argc, argv);
  options.loss = loss / 100;
  options.burst_loss = burst_loss / 100;
  options.reorder = reorder / 100;
  options.duplicate = duplicate / 100;
  options.burst_silence = from_ms(burst_silence_ms);
  options.delay = from_ms(delay_ms);
  options.jitter = from_ms(jitter_ms);
  options.reorder_delay = from_ms(reorder_ms);
  options.bits_per_second = static_cast<std::uint64_t>(mbit * 1e6);
  Relay relay(open_end(a), open_end(b), options);
  std::printf("weft-impair: %s <-> %s, seed %lu\n", a.c_str(), b.c_str(), options.seed);
  std::fflush(stdout);
  relay.run(seconds > 0 ? read_clock() + from_ms(seconds * 1000) : Time::never());
  relay.print(a, b);
  return 0;
}

}  // namespace
}  // namespace weft::tools

int main(int argc, char** argv) { return weft::tools::tool_main("weft-impair", weft::tools::run, argc, argv); }
