#include "dataplane/net/tcp_congestion.h"

namespace weft::net {

const CongestionControl& CongestionControl::of(CongestionAlgorithm algorithm) {
  return algorithm == CongestionAlgorithm::kNewReno ? newreno() : cubic();
}

}  // namespace weft::net
