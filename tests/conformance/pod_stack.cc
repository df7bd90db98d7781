#include "tests/conformance/pod_stack.h"

#include <cassert>

#include "dataplane/net/ethernet.h"
#include "dataplane/net/headers.h"
#include "dataplane/net/ip.h"

namespace weft::conformance {

namespace {

constexpr net::MacAddress kOurMac{{2, 0, 0, 0, 0, 1}};
constexpr net::MacAddress kPodMac{{2, 0, 0, 0, 1, 1}};

net::StackOptions stack_options(const net::TcpOptions& tcp, std::uint64_t seed, BufferPool& headers) {
  net::StackOptions options;
  options.seed = seed;
  options.tcp = tcp;
  options.headers = &headers;
  return options;
}

net::NetworkSpec one_pod(std::uint32_t mtu) {
  net::Interface interface;
  interface.id = kPod;
  interface.kind = net::InterfaceKind::kPod;
  interface.name = "pod";
  interface.mac = kOurMac;
  interface.peer_mac = kPodMac;
  interface.link = {.mtu = mtu, .tso = false, .checksum = false};
  net::Pod pod;
  pod.interface = kPod;
  pod.in_mesh = true;
  net::NetworkSpec spec;
  spec.interfaces = {interface};
  spec.pods = {pod};
  return spec;
}

}  // namespace

PodStack::PodStack(const net::TcpOptions& tcp, std::uint32_t mtu, std::uint64_t seed)
    : stack_(stack_options(tcp, seed, headers_)) {
  if (!apply(one_pod(mtu))) apply(one_pod(net::LinkCapabilities().mtu));
}

void PodStack::input(Time now, ByteSpan datagram) {
  const auto ip = net::parse_ip(datagram, datagram.size());
  if (!ip) return;
  admit(ip->source);
  Packet frame;
  frame.interface = kPod;
  frame.bytes = ByteChain::copy_of(datagram, frames_, net::kHeadroom);
  const auto type = ip->v6 ? net::EtherType::kIp6 : net::EtherType::kIp4;
  net::write_ethernet(net::prepend(frame.bytes, net::kEthernetBytes), {kOurMac, kPodMac, type});
  stack_.receive(now, {&frame, 1});
}

bool PodStack::output(Time now, std::vector<std::uint8_t>* datagram) {
  Packet frame;
  if (!stack_.poll_frame(now, &frame)) return false;
  frame.bytes.drop_front(net::kEthernetBytes);
  datagram->resize(frame.bytes.size());
  frame.bytes.copy_to(0, *datagram);
  return true;
}

bool PodStack::admit(const IpAddress& address) {
  std::vector<IpAddress>& own = spec_.pods[0].addresses;
  if (known_.insert(address).second) {
    net::NetworkSpec spec = spec_;
    spec.pods[0].addresses.push_back(address);
    return apply(std::move(spec));
  }
  return std::find(own.begin(), own.end(), address) != own.end();
}

bool PodStack::set_mtu(std::uint32_t mtu) {
  net::NetworkSpec spec = spec_;
  spec.interfaces[0].link.mtu = mtu;
  return apply(std::move(spec));
}

bool PodStack::apply(net::NetworkSpec spec) {
  auto network = net::Network::compile(spec);
  if (!network) return false;
  stack_.set_network(std::move(*network));
  spec_ = std::move(spec);
  return true;
}

}  // namespace weft::conformance
