// The data plane's configuration file as a struct: read once at start, strictly, immutable afterwards.
// configs/dataplane.yaml explains every key; a test keeps that file and this struct in step.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ip_address.h"
#include "base/log.h"

namespace weft::agent {

struct NodeOptions {
  std::string name;  // of this node, as in its Node object and in the pods' spec.nodeName; required
};

struct MeshOptions {
  std::string trust_domain = "cluster.local";  // first part of every SPIFFE id
  std::string dns_domain = "cluster.local";    // Kubernetes' DNS domain, part of the xDS node id
  std::string cluster_id = "Kubernetes";       // node metadata CLUSTER_ID, and `clusterid` to the CA
  std::string mesh_id = "cluster.local";       // node metadata MESH_ID
  std::string network;                         // node metadata NETWORK; empty: not sent
};

enum class PollMode : std::uint8_t { kAdaptive, kBusy };

struct WorkerOptions {
  std::uint32_t count = 2;              // worker threads, each with its own queues, flows and buffers
  std::vector<std::uint32_t> cores;     // the core of each worker, one entry a worker; empty: the scheduler's choice
  PollMode poll = PollMode::kAdaptive;  // adaptive: spin while busy, sleep when idle; busy: never sleep
  Duration spin = Duration::microseconds(50);  // adaptive: how long an idle worker spins before it sleeps
};

struct MemoryOptions {
  bool huge_pages = false;               // DPDK memory in huge pages (must be reserved) or in ordinary ones
  std::uint64_t dpdk_bytes = 256 << 20;  // all memory that DPDK may take
  std::uint32_t buffers = 16384;         // packet buffers of 2 KiB
  std::uint32_t large_buffers = 512;     // buffers of 16 KiB for TCP super-segments of pod ports
};

struct UplinkOptions {
  std::string device;               // DPDK device arguments or PCI address of the one ethdev; required
  std::uint32_t mtu = 1500;         // of the wire, in bytes of IP
  std::vector<IpPrefix> addresses;  // the node's own on this wire, with prefix length; empty: InternalIPs of the Node
  std::vector<IpAddress> gateways;  // default next hops on the wire, at most one a family
};

struct HostOptions {
  std::string interface = "weft0";  // TAP to the node's kernel
  std::uint32_t mtu = 1500;
  std::vector<IpAddress> addresses;  // the node kernel's own addresses, beside the Node object's InternalIPs
  bool probes = true;  // connections by the host port from the node's own addresses pass mesh policy (kubelet's probes)
};

struct PodOptions {
  std::uint32_t mtu = 1500;                        // of pod ports, unless CNI asks for another
  Duration ready_timeout = Duration::seconds(15);  // how long a SYN of or to a pod that is not ready waits
  std::uint64_t memory_limit = 64 << 20;           // buffer memory one pod's connections may hold, a worker
};

// A route beside those that Node objects give.
struct RouteOptions {
  IpPrefix destination;
  bool to_host = false;  // by the host port; else by the uplink
  IpAddress via;         // next hop on the wire; unspecified with to_host
};

enum class Congestion : std::uint8_t { kCubic, kNewReno };
enum class Ecn : std::uint8_t { kOff, kWhenAsked, kAlways };

struct TcpOptions {
  std::uint32_t receive_buffer = 1 << 20;               // bytes a connection may hold for its reader
  std::uint32_t send_buffer = 1 << 20;                  // bytes a connection may hold unacknowledged or unsent
  std::uint32_t syn_queue_per_pod = 1024;               // SYNs that wait, and handshakes that are not complete
  bool syn_cookies = true;                              // when a SYN queue is full; else its oldest SYN makes room
  Congestion congestion = Congestion::kCubic;           // RFC 9438, or RFC 6582
  Ecn ecn = Ecn::kWhenAsked;                            // whether congestion may be marked (RFC 3168)
  Duration user_timeout;                                // unacknowledged data for so long ends it; 0: 15 retransmits
  Duration time_wait = Duration::seconds(60);           // 2 MSL (RFC 9293 section 3.4.2)
  Duration keepalive_idle = Duration::seconds(7200);    // silence before the first probe; 0: none
  Duration keepalive_interval = Duration::seconds(75);  // between probes
  std::uint32_t keepalive_probes = 9;                   // unanswered probes that end a connection
};

enum class RecordCipher : std::uint8_t { kAuto, kIpsecMb, kOpenssl };

struct TlsOptions {
  std::uint32_t handshake_threads = 1;                 // threads that run handshakes, beside the workers
  Duration handshake_timeout = Duration::seconds(15);  // from the first byte to Finished
  bool session_tickets = true;                         // sessions are resumed, as server and as client
  RecordCipher record_cipher = RecordCipher::kAuto;    // auto: what is faster on this CPU, measured at start
  std::uint32_t key_schedules = 1024;                  // expanded keys a worker keeps, 1 KiB each
};

struct XdsOptions {
  std::string address;                                  // host:port of the control plane's TLS port (15012); required
  std::string root_ca;                                  // PEM file that verifies it; required
  std::string server_name = "istiod.istio-system.svc";  // the name its certificate must carry
  Duration keepalive = Duration::seconds(30);           // between HTTP/2 pings; no answer for 10 s ends the connection
  Duration backoff_min = Duration::milliseconds(500);   // first wait before a new attempt, doubled up to
  Duration backoff_max = Duration::seconds(10);
};

struct CaOptions {
  std::string address;                                 // empty: xds.address
  std::string root_ca;                                 // empty: xds.root_ca
  std::string server_name;                             // empty: xds.server_name
  std::string token_file;                              // this node's bearer token, read again at each use; required
  Duration lifetime = Duration::seconds(86400);        // asked for; the CA may shorten it
  Duration backoff_min = Duration::milliseconds(500);  // first wait after a refusal, doubled up to
  Duration backoff_max = Duration::seconds(10);
};

struct ClusterSourceOptions {
  std::string directory;  // YAML objects as `kubectl get -o yaml` prints them; required
};

struct AdminOptions {
  Endpoint address{IpAddress::v4(127, 0, 0, 1), 15020};  // /metrics, /healthz/ready
};

enum class LogFormat : std::uint8_t { kText, kJson };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

struct Bootstrap {
  NodeOptions node;
  MeshOptions mesh;
  WorkerOptions workers;
  MemoryOptions memory;
  UplinkOptions uplink;
  HostOptions host;
  PodOptions pods;
  std::vector<RouteOptions> routes;
  TcpOptions tcp;
  TlsOptions tls;
  XdsOptions xds;
  CaOptions ca;
  ClusterSourceOptions cluster_source;
  std::string socket = "/run/weft/node.sock";      // UNIX socket of weft-cni and weftctl
  std::string state_file = "/run/weft/pods.json";  // attached pods, so that they survive a restart
  AdminOptions admin;
  LogOptions log;
};

// Reads a configuration. `name` is what errors call the text.
// Error: one line "name:line:column: key: what is wrong", lines and columns from 1.
std::expected<Bootstrap, std::string> parse_bootstrap(std::string_view yaml, std::string_view name);
std::expected<Bootstrap, std::string> load_bootstrap(const std::string& path);

// Every key that a file may hold, as dotted paths ("workers.spin"); for the test.
std::vector<std::string> bootstrap_keys();

}  // namespace weft::agent
