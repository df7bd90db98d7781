#include "dataplane/nic/port.h"

#include <rte_ethdev.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/log.h"
#include "dataplane/net/owner.h"
#include "dataplane/nic/last_error.h"
#include "dataplane/nic/packet_socket.h"
#include "dataplane/nic/port_link.h"
#include "dataplane/nic/system_error.h"

namespace weft::nic {

namespace {

constexpr std::uint64_t kRxWanted = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
                                    RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_SCATTER;
constexpr std::uint64_t kTxWanted = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
                                    RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
                                    RTE_ETH_TX_OFFLOAD_TCP_TSO;
constexpr std::uint64_t kRssWanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

std::string device_name(const std::string& device) { return device.substr(0, device.find(',')); }

// Super-segments are taken from virtio only: other devices' LRO does not say what the segments were.
bool is_virtio(std::string_view driver) {
  return driver.find("virtio") != std::string_view::npos || driver.find("vhost") != std::string_view::npos;
}

// The vhost driver passes super-segments on to a peer that takes them, which its argument tso=1 offers, but does not
// declare it (22.11). Our own peers, and QEMU's guests, take the offer.
bool is_vhost_with_tso(std::string_view driver, const std::string& device) {
  return driver == "net_vhost" && device.find("tso=1") != std::string::npos;
}

net::LinkCapabilities capabilities_of(std::uint64_t tx_offloads, std::uint32_t mtu) {
  constexpr std::uint64_t kChecksums = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
  constexpr std::uint64_t kCutting = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  net::LinkCapabilities capabilities;
  capabilities.mtu = mtu;
  capabilities.checksum = (tx_offloads & kChecksums) == kChecksums;
  capabilities.tso = capabilities.checksum && (tx_offloads & kCutting) == kCutting;
  capabilities.polls_free = true;
  return capabilities;
}

// Toeplitz with a key of period 16 is symmetric; it and the table below agree with net::owner_of, so that a frame comes
// in at its owner. 52: the longest key that drivers ask for.
std::array<std::uint8_t, 52> symmetric_key() {
  std::array<std::uint8_t, 52> key;
  for (std::size_t i = 0; i < key.size(); i += 2) store_be16(&key[i], net::kSymmetricRssKey);
  return key;
}

}  // namespace

struct Port::Impl {
  PortOptions options;
  std::uint16_t id = 0;
  rte_eth_dev_info info{};
  std::uint16_t queues = 1;
  bool rss = false;
  bool rss_agrees = false;
  bool started = false;
  std::array<std::uint8_t, 52> rss_key = symmetric_key();
  WakeUp wake_up = WakeUp::kNone;
  QueueOptions queue;  // but its number
  std::vector<FileDescriptor> sockets;
  std::unique_ptr<MbufPool> indirect_pool;
  std::unique_ptr<MbufPool> super_pool;  // receive buffers of a device that hands over super-segments
  std::vector<std::unique_ptr<PortCounters>> counters;

  ~Impl() {
    if (started) rte_eth_dev_stop(id);
    rte_eth_dev_close(id);
  }
  Outcome fail(const std::string& what, int result) const {
    return std::unexpected("uplink " + device_name(options.device) + ": " + what + ": " + rte_strerror(-result));
  }
  Outcome configure(bool interrupts);
  Outcome make_super_pool();
  Outcome set_up_queues();
  Outcome start();
  void agree_with_owners();
  Outcome bring_up();
  void choose_wake_up(bool interrupts);
};

// REQUIRES: the device is stopped.
Outcome Port::Impl::configure(bool interrupts) {
  // Anew: vhost knows its offloads only once it has been configured.
  rte_eth_dev_info_get(id, &info);
  rte_eth_conf conf{};
  conf.rxmode.mtu = options.mtu;
  std::uint64_t rx = kRxWanted | (is_virtio(info.driver_name) ? RTE_ETH_RX_OFFLOAD_TCP_LRO : 0);
  conf.rxmode.offloads = rx & info.rx_offload_capa;
  conf.rxmode.max_lro_pkt_size = info.max_lro_pkt_size;
  conf.txmode.offloads = kTxWanted & info.tx_offload_capa;
  conf.intr_conf.rxq = interrupts ? 1 : 0;
  rss = queues > 1 && info.hash_key_size <= rss_key.size() &&
        (kRssWanted & info.flow_type_rss_offloads) != 0;
  if (rss) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = kRssWanted & info.flow_type_rss_offloads;
    conf.rx_adv_conf.rss_conf.rss_key = rss_key.data();
    conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
  }
  if (const int result = rte_eth_dev_configure(id, queues, queues, &conf); result != 0)
    return fail("configure", result);
  const std::uint64_t known = info.tx_offload_capa;
  rte_eth_dev_info_get(id, &info);
  if (info.tx_offload_capa != known) return configure(interrupts);
  queue.capabilities = capabilities_of(conf.txmode.offloads, options.mtu);
  if (is_vhost_with_tso(info.driver_name, options.device)) queue.capabilities.tso = queue.capabilities.checksum;
  queue.multi_segment = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
  queue.ip_checksum = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
  if ((conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) != 0) {
    if (auto made = make_super_pool(); !made) return made;
  }
  return set_up_queues();
}

// A super-segment in 2 KiB pieces costs a chain of 32 at every step (measured over vhost: one flow 2.4 Gbit/s, with
// 16 KiB pieces 4.0). As much memory as the small pool has, beside what lies in the rings.
Outcome Port::Impl::make_super_pool() {
  if (super_pool != nullptr) return {};
  constexpr std::uint32_t kSmallPerLarge = kLargeCapacity / kSmallCapacity;
  const std::uint32_t in_rings = std::uint32_t{options.descriptors} * queues;
  const std::uint32_t buffers = options.small_pool->size() / kSmallPerLarge + in_rings;
  auto made = MbufPool::create("super_" + std::to_string(id), buffers, kLargeCapacity);
  if (!made) return std::unexpected(made.error());
  super_pool = std::move(*made);
  queue.super_pool = super_pool.get();
  return {};
}

Outcome Port::Impl::set_up_queues() {
  MbufPool* pool = super_pool != nullptr ? super_pool.get() : options.small_pool;
  std::uint16_t rx = options.descriptors, tx = options.descriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
  const int socket = rte_eth_dev_socket_id(id);
  for (std::uint16_t q = 0; q < queues; ++q) {
    int result = rte_eth_rx_queue_setup(id, q, rx, static_cast<unsigned>(socket), nullptr, pool->raw());
    if (result != 0) return fail("set up a receive queue", result);
    result = rte_eth_tx_queue_setup(id, q, tx, static_cast<unsigned>(socket), nullptr);
    if (result != 0) return fail("set up a transmit queue", result);
  }
  return {};
}

Outcome Port::Impl::start() {
  if (const int result = rte_eth_dev_start(id); result != 0) return fail("start", result);
  started = true;
  // What it does not support it has not set either: some drivers know one MTU only.
  if (const int result = rte_eth_dev_set_mtu(id, static_cast<std::uint16_t>(options.mtu)); result == -EINVAL)
    return fail("set MTU " + std::to_string(options.mtu) + " (the device takes " + std::to_string(info.min_mtu) +
                    " to " + std::to_string(info.max_mtu) + ")", result);
  // Our own address, broadcast and multicast (Neighbor Discovery); a device that cannot choose gives us everything.
  if (rss) agree_with_owners();
  rte_eth_promiscuous_disable(id);
  if (rte_eth_allmulticast_enable(id) != 0 && rte_eth_promiscuous_enable(id) != 0)
    log_debug("nic", "the uplink neither filters nor takes settings for it");
  return {};
}

// Where the table cannot be set, or is shorter than the owner function's, the workers' hand-over does the rest.
void Port::Impl::agree_with_owners() {
  if (info.reta_size % net::kRedirectionEntries != 0) return;
  std::vector<rte_eth_rss_reta_entry64> table((info.reta_size + RTE_ETH_RETA_GROUP_SIZE - 1) / RTE_ETH_RETA_GROUP_SIZE);
  for (std::uint16_t i = 0; i < info.reta_size; ++i) {
    rte_eth_rss_reta_entry64& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
    group.mask |= std::uint64_t{1} << (i % RTE_ETH_RETA_GROUP_SIZE);
    group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<std::uint16_t>(net::owner_of_hash(i, queues));
  }
  rss_agrees = info.reta_size > 0 && rte_eth_dev_rss_reta_update(id, table.data(), info.reta_size) == 0;
}

Outcome Port::Impl::bring_up() {
  const bool is_af_packet = std::string_view(info.driver_name) == "net_af_packet";
  bool interrupts = !is_af_packet;
  if (auto done = configure(interrupts); !done) {
    interrupts = false;
    if (auto again = configure(interrupts); !again) return again;
  }
  if (auto done = start(); !done) {
    if (!interrupts || started) return done;
    interrupts = false;
    if (auto again = configure(interrupts); !again) return again;
    if (auto again = start(); !again) return again;
  }
  choose_wake_up(interrupts);
  return {};
}

void Port::Impl::choose_wake_up(bool interrupts) {
  if (interrupts) {
    const FileDescriptor probe(::epoll_create1(EPOLL_CLOEXEC));
    if (rte_eth_dev_rx_intr_ctl_q(id, 0, probe.get(), RTE_INTR_EVENT_ADD, nullptr) != 0) return;
    rte_eth_dev_rx_intr_ctl_q(id, 0, probe.get(), RTE_INTR_EVENT_DEL, nullptr);
    wake_up = WakeUp::kInterrupt;
    return;
  }
  if (info.if_index == 0) return;
  sockets = packet_sockets(info.if_index);
  if (sockets.size() == queues) wake_up = WakeUp::kSocket;
}

Port::Port(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Port::~Port() = default;

std::expected<std::unique_ptr<Port>, std::string> Port::open(const PortOptions& options) {
  const std::string name = device_name(options.device);
  std::uint16_t id;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) != 0)
    return std::unexpected("uplink " + name + ": DPDK did not find or start the device: " + dpdk_error());
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->id = id;
  rte_eth_dev_info_get(id, &impl->info);
  const auto most = std::min(impl->info.max_rx_queues, impl->info.max_tx_queues);
  impl->queues = static_cast<std::uint16_t>(std::min<unsigned>(options.queues, most));
  if (auto done = impl->bring_up(); !done) return std::unexpected(done.error());
  // As many as a full queue of frames in a header and a payload piece has, twice.
  auto indirect = MbufPool::create("indirect_" + std::to_string(id), 4u * options.descriptors * impl->queues, 0);
  if (!indirect) return std::unexpected(indirect.error());
  impl->indirect_pool = std::move(*indirect);
  impl->queue.port = id;
  impl->queue.wake_up = impl->wake_up;
  impl->queue.frame_max = options.mtu + kEthernetHeader;
  impl->queue.small_pool = options.small_pool;
  impl->queue.indirect_pool = impl->indirect_pool.get();
  for (unsigned q = 0; q < impl->queues; ++q) impl->counters.push_back(std::make_unique<PortCounters>());
  return std::unique_ptr<Port>(new Port(std::move(impl)));
}

std::unique_ptr<net::Link> Port::link(unsigned queue) {
  QueueOptions options = impl_->queue;
  options.queue = static_cast<std::uint16_t>(queue);
  FileDescriptor socket;
  if (impl_->wake_up == WakeUp::kSocket) socket = std::move(impl_->sockets[queue]);
  return std::make_unique<PortLink>(options, std::move(socket), *impl_->counters[queue]);
}

unsigned Port::queues() const { return impl_->queues; }
const net::LinkCapabilities& Port::capabilities() const { return impl_->queue.capabilities; }
WakeUp Port::wake_up() const { return impl_->wake_up; }
bool Port::has_rss() const { return impl_->rss; }
bool Port::rss_agrees() const { return impl_->rss_agrees; }
std::string Port::driver() const { return impl_->info.driver_name; }
const PortCounters& Port::counters(unsigned queue) const { return *impl_->counters[queue]; }

net::MacAddress Port::mac() const {
  rte_ether_addr address{};
  rte_eth_macaddr_get(impl_->id, &address);
  return net::MacAddress::from(address.addr_bytes);
}

bool Port::link_up() const {
  rte_eth_link link{};
  rte_eth_link_get_nowait(impl_->id, &link);
  return link.link_status == RTE_ETH_LINK_UP;
}

PortStatistics Port::statistics() const {
  rte_eth_stats stats{};
  rte_eth_stats_get(impl_->id, &stats);
  return {.received = stats.ipackets, .transmitted = stats.opackets, .received_bytes = stats.ibytes,
          .transmitted_bytes = stats.obytes, .missed = stats.imissed, .receive_errors = stats.ierrors,
          .transmit_errors = stats.oerrors, .no_mbuf = stats.rx_nombuf};
}

}  // namespace weft::nic
