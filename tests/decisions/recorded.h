// The recorded pushes of a real istiod (tests/data/istiod), as the configurations that they make.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mesh/pod_config.h"
#include "mesh/xds_pod_config_builder.h"

namespace weft::tests {

// One resource of a recorded push, in the order of arrival.
struct RecordedResource {
  mesh::XdsType type;
  std::string name;
  std::string serialized;
};

// "plain", "sleep" -> what that proxy was sent; routes and other types that we do not read are left out.
// Throws std::runtime_error when the file cannot be read.
std::vector<RecordedResource> recorded_resources(const std::string& scenario, const std::string& pod);

// {scenario, pod} of every recording, sorted.
std::vector<std::pair<std::string, std::string>> recordings();

// Feeds them to `builder`; returns the NACKs, of which there should be none.
std::vector<std::string> feed(mesh::XdsPodConfigBuilder& builder, const std::vector<RecordedResource>& resources);

// The scenario's configuration; a scenario under tests/data/handmade is a recording with some resources replaced by
// what istiod would send for objects that the recordings have not.
std::shared_ptr<const mesh::PodConfig> config_of(const std::string& scenario, const std::string& pod);

}  // namespace weft::tests
