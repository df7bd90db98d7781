#include "dataplane/net/stack.h"

#include <algorithm>
#include <cassert>

#include "dataplane/net/stack_impl.h"

namespace weft::net {

namespace {

constexpr Duration kSweepInterval = Duration::seconds(1);

std::shared_ptr<const Network> empty_network() { return *Network::compile({}); }

TcpOptions tcp_options(const StackOptions& options) {
  TcpOptions tcp = options.tcp;
  tcp.worker = options.worker;
  tcp.workers = options.workers;
  return tcp;
}

FragmentLimits fragment_limits(const StackOptions& options) {
  return {.datagrams_max = options.fragment_datagrams_max, .bytes_max = options.fragment_bytes_max};
}

}  // namespace

Stack::Impl::Impl(const StackOptions& options)
    : options_(options),
      network_(empty_network()),
      tcp_(tcp_options(options), *options.headers, Random(options.seed * 4)),
      nat_(options.nat_flows_max, options.worker, options.workers, Random(options.seed * 4 + 1)),
      bypass_(options.bypass_flows_max),
      fragments_(fragment_limits(options), *options.headers),
      neighbors_(options.neighbors_max),
      random_(options.seed * 4 + 2),
      out_(options.output_packets_max),
      cut_(256) {
  assert(options.worker < options.workers);
  for (unsigned i = 0; i < options.workers; ++i)
    handovers_.emplace_back(i == options.worker ? 0 : options.handover_packets_max);
}

void Stack::Impl::set_network(std::shared_ptr<const Network> network) {
  const Interface* before = network_->uplink();
  const Interface* uplink = network->uplink();
  const bool moved = uplink != nullptr && (before == nullptr || before->addresses != uplink->addresses ||
                                           before->mac != uplink->mac || before->id != uplink->id);
  if (before != nullptr && (uplink == nullptr || uplink->id != before->id)) neighbors_.clear();
  announced_ = announced_ && !moved;
  network_ = std::move(network);
  limiters_.clear();
  for (const Interface& interface : network_->spec().interfaces) {
    limiters_.emplace(interface.id, IcmpLimiter(options_.icmp_errors_per_second));
    tcp_.set_interface(interface.id,
                       {interface.link.mtu, interface.link.max_gso_bytes, interface.link.tso});
  }
  nat_.set_network(*network_);
  bypass_.set_network(*network_);
}

bool Stack::Impl::poll_handover(unsigned* worker, Packet* frame) {
  for (std::size_t i = 0; i < handovers_.size(); ++i) {
    PacketQueue& queue = handovers_[next_handover_];
    if (!queue.empty()) {
      *worker = next_handover_;
      *frame = queue.pop();
      return true;
    }
    next_handover_ = next_handover_ + 1 == handovers_.size() ? 0 : next_handover_ + 1;
  }
  return false;
}

Time Stack::Impl::deadline() const {
  Time sweep = nat_.size() + bypass_.size() != 0 ? next_sweep_ : Time::never();
  return std::min({tcp_.deadline(), fragments_.deadline(), neighbors_.deadline(), sweep});
}

void Stack::Impl::on_timer(Time now) {
  tcp_.on_timer(now);
  neighbors_.on_timer(now);
  expire_fragments(now);
  if (next_sweep_ <= now) {
    counters_.nat_expired += nat_.sweep(now);
    bypass_.sweep(now);
    next_sweep_ = now + kSweepInterval;
  }
}

void Stack::Impl::drop(const Arrival& a, Drop reason) {
  const InterfaceId interface = a.ingress != nullptr ? a.ingress->id : a.packet.interface;
  const Tuple& tuple = a.untranslated ? *a.untranslated : a.tuple;
  drops_.add({a.now, reason, interface, tuple.protocol, tuple.source, tuple.destination});
}

void Stack::Impl::drop_out(Time now, InterfaceId interface, const IpHeader& ip, Drop reason) {
  drops_.add({now, reason, interface, ip.protocol, {ip.source}, {ip.destination}});
}

Stack::Stack(const StackOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Stack::~Stack() = default;

void Stack::set_network(std::shared_ptr<const Network> network) { impl_->set_network(std::move(network)); }
const Network& Stack::network() const { return *impl_->network_; }

void Stack::receive(Time now, std::span<Packet> frames) {
  for (Packet& frame : frames) {
    ++impl_->counters_.frames_in;
    impl_->receive_frame(now, std::move(frame), false);
  }
}

bool Stack::poll_handover(unsigned* worker, Packet* frame) { return impl_->poll_handover(worker, frame); }

void Stack::receive_handover(Time now, Packet&& frame) {
  ++impl_->counters_.taken_over;
  impl_->receive_frame(now, std::move(frame), true);
}

bool Stack::poll_frame(Time now, Packet* frame) { return impl_->poll_frame(now, frame); }
Time Stack::deadline() const { return impl_->deadline(); }
void Stack::on_timer(Time now) { impl_->on_timer(now); }
TcpEngine& Stack::tcp() { return impl_->tcp_; }
const DropLog& Stack::drops() const { return impl_->drops_; }
const StackCounters& Stack::counters() const { return impl_->counters_; }
std::uint32_t Stack::nat_flows() const { return impl_->nat_.size(); }
const BypassFlows& Stack::bypass_flows() const { return impl_->bypass_; }

}  // namespace weft::net
