// A CA and a delta ADS server in the test's process, over TLS: what they are asked is recorded, what they answer is the
// test's to say. For tests only.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/server.h>

#include "crypto/certificate.h"
#include "envoy/service/discovery/v3/ads.grpc.pb.h"
#include "security/v1alpha1/ca.grpc.pb.h"

namespace weft::agent {

class FakeControlPlane {
 public:
  using Request = envoy::service::discovery::v3::DeltaDiscoveryRequest;
  using Response = envoy::service::discovery::v3::DeltaDiscoveryResponse;

  FakeControlPlane();
  ~FakeControlPlane();

  void start();  // on the port of the last time
  void stop();
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  const std::string& root_pem() const { return root_pem_; }

  // CA. While `refusal` is not empty orders are refused with it.
  void refuse(std::string refusal);
  void set_lifetime(std::int64_t seconds);
  void sign_for(std::string identity);  // whatever is asked for; empty: what is asked for
  struct Order {
    std::string authorization, identity;
  };
  std::vector<Order> orders();

  // ADS. A resource set by name and type; clients get what they subscribed to at once, and every later change.
  void set(const std::string& name, const google::protobuf::Message& resource);
  void remove(const std::string& type_url, const std::string& name);
  struct Received {
    std::string peer_identity;
    Request request;
  };
  std::vector<Received> requests();
  // Waits up to 10 s for a request that satisfies the test; nullopt: none came.
  std::optional<Received> wait_for(const std::function<bool(const Received&)>& test);
  void forget_requests();

 private:
  class Ca;
  class Ads;
  struct Stream;
  void push(Stream& stream, const std::string& type_url);

  crypto::PrivateKey root_key_;
  crypto::Certificate root_;
  std::string root_pem_;
  int port_ = 0;
  std::unique_ptr<Ca> ca_;
  std::unique_ptr<Ads> ads_;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::string refusal_, sign_for_;
  std::int64_t lifetime_ = 3600;
  std::vector<Order> orders_;
  struct Resource {
    std::string version;
    google::protobuf::Any any;
  };
  std::map<std::string, std::map<std::string, Resource>> resources_;  // by type URL and name
  std::uint64_t version_ = 0;
  std::vector<Received> requests_;
  std::vector<Stream*> streams_;
};

}  // namespace weft::agent
