// The protobuf JSON mapping with places: Istio's configuration messages are protobuf messages, and their CRDs are that
// mapping.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "controlplane/config/fields.h"

namespace google::protobuf {
class Message;
}

namespace weft::controlplane {

// Fills `message` from `value`. `path` is where `value` stands in its document, for messages. Unknown fields (also the
// .proto spelling of known ones, which a cluster would drop), wrong types and unknown enum values are errors, each with
// its place. Names in `unread` at the top level are a warning instead. False: `problems` has a new error.
bool read_message(const Value& value, const std::string& path, const std::set<std::string_view>& unread,
                  google::protobuf::Message& message, FieldProblems& problems);

}  // namespace weft::controlplane
