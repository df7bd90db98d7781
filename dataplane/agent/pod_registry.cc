#include "dataplane/agent/pod_registry.h"

#include <algorithm>

#include "base/log.h"

namespace weft::agent {
namespace {

PodPortRequest port_request(const AttachedPod& pod) {
  return {.interface = pod.interface,
          .netns = pod.netns,
          .interface_name = pod.key.interface_name,
          .mac = pod.mac,
          .addresses = pod.addresses,
          .mtu = pod.mtu};
}

std::string name_of(const AttachedPod& pod) { return pod.name.first + "/" + pod.name.second; }

bool same(const AttachedPod& pod, const PodRequest& request, std::uint32_t mtu) {
  return pod.netns == request.netns && pod.network == request.network && pod.name == request.name &&
         pod.uid == request.uid && pod.addresses == request.addresses && pod.mtu == mtu;
}

std::unexpected<PodFailure> fail(PodFailureKind kind, std::string text) {
  return std::unexpected(PodFailure{kind, std::move(text)});
}

}  // namespace

PodRegistry::PodRegistry(Options options, PodPorts& ports, std::function<void()> changed)
    : options_(std::move(options)), ports_(ports), changed_(std::move(changed)) {}

std::expected<void, std::string> PodRegistry::save() const {
  PodState state{next_interface_, {}};
  for (const auto& [key, pod] : pods_) state.pods.push_back(pod);
  return save_pod_state(options_.state_file, state);
}

std::expected<void, std::string> PodRegistry::restore() {
  auto state = load_pod_state(options_.state_file);
  if (!state) return std::unexpected(state.error());
  next_interface_ = state->next_interface;
  for (AttachedPod& pod : state->pods) {
    if (auto port = ports_.reopen(port_request(pod)); !port) {
      log_warning("pods", name_of(pod) + " is forgotten: " + port.error());
      continue;
    }
    pods_[pod.key] = std::move(pod);
  }
  if (auto saved = save(); !saved) return saved;
  changed_();
  return {};
}

std::string PodRegistry::refusal(const PodRequest& request) const {
  if (request.key.container_id.empty()) return "no container id";
  const std::string& name = request.key.interface_name;
  if (name.empty() || name.size() > 15 || name.find('/') != std::string::npos) {
    return "'" + name + "' cannot be a network device's name";
  }
  if (request.netns.empty()) return "no network namespace";
  if (request.name.first.empty() || request.name.second.empty()) {
    return "no pod namespace and name (K8S_POD_NAMESPACE, K8S_POD_NAME): there is no identity without them";
  }
  if (request.addresses.empty()) return "no addresses";
  if (request.mtu != 0 && (request.mtu < 1280 || request.mtu > 65535)) {
    return "MTU " + std::to_string(request.mtu) + " is not between 1280 and 65535";
  }
  for (const auto& [key, other] : pods_) {
    if (key == request.key) continue;
    for (const IpAddress& address : request.addresses) {
      if (std::find(other.addresses.begin(), other.addresses.end(), address) == other.addresses.end()) continue;
      return "address " + address.to_string() + " belongs to attached pod " + name_of(other) + " (container " +
             key.container_id + "); delete that first";
    }
  }
  return {};
}

std::expected<PodPort, PodFailure> PodRegistry::create(AttachedPod pod) {
  auto port = ports_.create(port_request(pod));
  if (!port) return fail(PodFailureKind::kFailed, port.error());
  pod.mac = port->mac;
  pods_[pod.key] = pod;
  if (auto saved = save(); !saved) {
    pods_.erase(pod.key);
    ports_.remove(port_request(pod));
    return fail(PodFailureKind::kFailed, saved.error());
  }
  changed_();
  return *port;
}

std::expected<PodPort, PodFailure> PodRegistry::add(const PodRequest& request) {
  if (const std::string why = refusal(request); !why.empty()) return fail(PodFailureKind::kInvalid, why);
  const std::uint32_t mtu = request.mtu != 0 ? request.mtu : options_.mtu;
  const auto known = pods_.find(request.key);
  if (known != pods_.end() && same(known->second, request, mtu)) return create(known->second);
  // The same attachment with other properties is another pod: nothing of the old one goes on.
  if (known != pods_.end()) {
    if (auto removed = remove(request.key); !removed) return std::unexpected(removed.error());
  }
  return create({.key = request.key,
                 .interface = next_interface_++,
                 .netns = request.netns,
                 .network = request.network,
                 .name = request.name,
                 .uid = request.uid,
                 .addresses = request.addresses,
                 .mtu = mtu,
                 .mac = {}});
}

std::expected<void, PodFailure> PodRegistry::remove(const PodKey& key) {
  const auto known = pods_.find(key);
  if (known == pods_.end()) return {};
  const AttachedPod pod = known->second;
  pods_.erase(known);
  // Worse than a state file that still names the pod would be one that serves it: a restart finds the device gone.
  if (auto saved = save(); !saved) log_error("pods", saved.error());
  changed_();
  ports_.remove(port_request(pod));
  return {};
}

std::expected<CheckedPod, PodFailure> PodRegistry::check(const PodKey& key, const std::string& netns,
                                                         const std::vector<IpAddress>& addresses) {
  const auto known = pods_.find(key);
  if (known == pods_.end()) {
    return fail(PodFailureKind::kNotFound, "container " + key.container_id + " has no attached " + key.interface_name);
  }
  const AttachedPod& pod = known->second;
  if (pod.netns != netns) {
    return fail(PodFailureKind::kDiffers, "is attached in " + pod.netns + ", not in " + netns);
  }
  auto have = pod.addresses, want = addresses;
  std::sort(have.begin(), have.end());
  std::sort(want.begin(), want.end());
  if (!want.empty() && have != want) {
    std::string text = "has the addresses";
    for (const IpAddress& address : have) text += " " + address.to_string();
    return fail(PodFailureKind::kDiffers, text);
  }
  if (auto checked = ports_.check(port_request(pod)); !checked) return fail(PodFailureKind::kDiffers, checked.error());
  auto port = ports_.create(port_request(pod));  // it is there: this only answers what it is
  if (!port) return fail(PodFailureKind::kDiffers, port.error());
  return CheckedPod{pod.addresses, *port};
}

std::vector<PodKey> PodRegistry::collect(const std::string& network, const std::vector<PodKey>& valid) {
  std::vector<PodKey> gone;
  for (const auto& [key, pod] : pods_) {
    if (pod.network == network && std::find(valid.begin(), valid.end(), key) == valid.end()) gone.push_back(key);
  }
  for (const PodKey& key : gone) (void)remove(key);
  return gone;
}

}  // namespace weft::agent
