#include "cli/views.h"

#include <nlohmann/json.hpp>

#include "cli/table.h"

namespace weft::cli {

namespace {

using nlohmann::json;

// A member as text: strings bare, lists joined, absent and null empty.
std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  if (found->is_string()) return *found;
  if (found->is_boolean()) return *found ? "yes" : "no";
  if (!found->is_array()) return found->dump();
  std::string joined;
  for (const json& item : *found) {
    joined += (joined.empty() ? "" : ",") + (item.is_string() ? item.get<std::string>() : item.dump());
  }
  return joined;
}

struct Column {
  const char* title;
  const char* key;
};

std::string table_of(const json& rows, const std::vector<Column>& columns, const char* none) {
  if (rows.empty()) return std::string(none) + "\n";
  std::vector<std::string> header;
  for (const Column& column : columns) header.emplace_back(column.title);
  std::vector<std::vector<std::string>> cells;
  for (const json& row : rows) {
    auto& line = cells.emplace_back();
    for (const Column& column : columns) {
      const std::string text = text_of(row, column.key);
      line.push_back(std::string(column.key) == "age_ms" ? format_age(row.value("age_ms", 0LL)) : text);
    }
  }
  return format_table(header, cells);
}

std::string status_of(const json& document) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const json& value) {
    rows.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
  };
  for (const auto& [key, value] : document.items()) {
    if (!value.is_object()) {
      if (!value.is_array()) add(key, value);
      continue;
    }
    for (const auto& [inner, item] : value.items()) add(key == "dataplane" ? inner : key + " " + inner, item);
  }
  std::string text = format_table({"WHAT", "VALUE"}, rows);
  for (const json& problem : document.value("problems", json::array()))
    text += "problem: " + problem.get<std::string>() + "\n";
  return text;
}

// One decision a paragraph: what was asked, what decided, and why.
std::string explain_of(const json& document) {
  std::string text;
  for (const json& decision : document.value("decisions", json::array())) {
    text += text_of(decision, "time") + "  " + text_of(decision, "namespace") + "/" + text_of(decision, "pod") + " " +
            text_of(decision, "direction") + "  " + text_of(decision, "source") + " -> " +
            text_of(decision, "destination") + "  " + text_of(decision, "verdict") + "\n";
    for (const auto& [title, key] : {std::pair{"reason", "reason"}, {"detail", "detail"}, {"caller", "peer_identity"},
                                     {"policy", "policy"}, {"ALLOW policies that did not match", "considered"},
                                     {"listener", "listener"}, {"filter chain", "filter_chain"},
                                     {"cluster", "cluster"}, {"endpoint", "endpoint"}}) {
      if (const std::string value = text_of(decision, key); !value.empty()) {
        text += std::string("    ") + title + ": " + value + "\n";
      }
    }
  }
  return text.empty() ? "no decisions yet\n" : text;
}

}  // namespace

std::string format_document(const std::string& topic, const json& document) {
  if (topic == "status") return status_of(document);
  if (topic == "explain") return explain_of(document);
  if (topic == "pods") {
    return table_of(document["pods"],
                    {{"NAMESPACE", "namespace"},
                     {"NAME", "name"},
                     {"READY", "ready"},
                     {"MESH", "in_mesh"},
                     {"ADDRESSES", "addresses"},
                     {"IDENTITY", "identity"},
                     {"LACKS", "lacks"}},
                    "no pods are attached");
  }
  if (topic == "connections") {
    return table_of(document["connections"],
                    {{"ID", "id"}, {"POD", "pod"}, {"DIRECTION", "direction"}, {"SOURCE", "source"},
                     {"DESTINATION", "destination"}, {"UPSTREAM", "upstream"}, {"STATE", "state"}, {"TLS", "tls"},
                     {"PEERS", "source_identity"}, {"", "destination_identity"}, {"SENT", "bytes_sent"},
                     {"RECEIVED", "bytes_received"}, {"MEMORY", "memory"}, {"AGE", "age_ms"}},
                    "no connections");
  }
  if (topic == "certs") {
    return table_of(document["certificates"],
                    {{"IDENTITY", "identity"}, {"SERIAL", "serial"}, {"NOT BEFORE", "not_before"},
                     {"NOT AFTER", "not_after"}, {"NEXT RENEWAL", "next_attempt"}, {"LAST ERROR", "last_error"}},
                    "no certificates");
  }
  if (topic == "drops") {
    return table_of(
        document["drops"],
        {{"LAYER", "layer"}, {"REASON", "name"}, {"COUNT", "count"}, {"MEANING", "text"}},
        "nothing was dropped");
  }
  return document.dump(2) + "\n";
}

}  // namespace weft::cli
