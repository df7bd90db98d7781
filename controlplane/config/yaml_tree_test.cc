#include "controlplane/config/yaml_tree.h"

#include <gtest/gtest.h>

namespace weft::controlplane {
namespace {

std::string json_of(std::string_view yaml) {
  auto trees = parse_yaml(yaml);
  if (!trees) {
    return std::to_string(trees.error().position.line) + ':' + std::to_string(trees.error().position.column) + ' ' +
           trees.error().message;
  }
  std::string all;
  for (const Value& tree : *trees) all += (all.empty() ? "" : " ") + to_json(tree);
  return all;
}

struct Row {
  const char* yaml;
  const char* json;  // or "line:column message"
};

TEST(YamlTree, ReadsWhatKubernetesReads) {
  const Row rows[] = {
      {"a: 1", R"({"a":1})"},
      {"a: '1'", R"({"a":"1"})"},
      {"a: 0644\nb: 0x1f\nc: 1_000\nd: -5", R"({"a":420,"b":31,"c":1000,"d":-5})"},
      {"a: 1.5\nb: 1e3\nc: 1.2.3.4", R"({"a":1.5,"b":1000,"c":"1.2.3.4"})"},
      {"a: yes\nb: \"yes\"\nc: on\nd: Off", R"({"a":true,"b":"yes","c":true,"d":false})"},
      {"a:\nb: ~\nc: null\nd: ''", R"({"a":null,"b":null,"c":null,"d":""})"},
      {"a: !!str 1", R"({"a":"1"})"},
      {"9001: {mode: STRICT}", R"({"9001":{"mode":"STRICT"}})"},
      {"a: [x, {y: z}]", R"({"a":["x",{"y":"z"}]})"},
      {"a: |\n  x\n  y\n", R"({"a":"x\u000ay\u000a"})"},
      {"a: &v [1]\nb: *v", R"({"a":[1],"b":[1]})"},
      {"a: 1\n---\n# nothing\n---\nb: 2", R"({"a":1} {"b":2})"},
      {"", ""},
      {"a: 12345678901234567890", R"({"a":1.2345678901234567e+19})"},
  };
  for (const Row& row : rows) EXPECT_EQ(json_of(row.yaml), row.json) << row.yaml;
}

TEST(YamlTree, SaysWhereItIsWrong) {
  const Row rows[] = {
      {"a: 1\na: 2", "2:1 key \"a\" occurs twice"},
      {"a: [1, 2", "1:1 end of sequence flow not found"},
      {"a: 1\n b: 2", "2:3 illegal map value"},
      {"a: *nobody", "1:4 the referenced anchor is not defined"},
      {", a", "1:1 no value can begin here"},
      {"a: 1\n---\n]", "3:1 illegal flow end"},
      {"a: !!int x", "1:4 \"x\" is not a !!int"},
      {"a: !mine x", "1:4 unknown tag !mine"},
      {"? [a]\n: b", "1:3 a map key must be a scalar"},
      {"<<: {a: 1}", "1:1 merge keys (<<) are not supported"},
  };
  for (const Row& row : rows) EXPECT_EQ(json_of(row.yaml), row.json) << row.yaml;
}

TEST(YamlTree, BoundsDepthAndSize) {
  EXPECT_NE(json_of(std::string(150, '[')).find("levels deep"), std::string::npos);
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += (j ? ", *a" : "*a") + std::to_string(i - 1);
    laughs += "]\n";
  }
  EXPECT_NE(json_of(laughs).find("more than 1048576 values"), std::string::npos);
}

TEST(YamlTree, LocatesPaths) {
  auto trees = parse_yaml("spec:\n  rules:\n  - from: a\n  - to:\n    - x\n");
  ASSERT_TRUE(trees);
  const Value& root = trees->front();
  EXPECT_EQ(locate(root, "spec.rules[1].to[0]"), (Position{5, 7}));
  EXPECT_EQ(locate(root, "spec.rules[1].nothing"), (Position{4, 5}));
  EXPECT_EQ(locate(root, "spec.rules[7]"), (Position{2, 3}));
  EXPECT_EQ(locate(root, "spec.rules[x"), (Position{2, 3}));
  ASSERT_NE(find_value(root, "spec.rules[0].from"), nullptr);
  EXPECT_EQ(find_value(root, "spec.rules[0].from")->text, "a");
}

}  // namespace
}  // namespace weft::controlplane
