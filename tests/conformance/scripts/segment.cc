#include "tests/conformance/scripts/segment.h"

#include <charconv>
#include <sstream>
#include <stdexcept>

namespace script {

namespace {

[[noreturn]] void fail(std::string_view text) { throw std::runtime_error("no segment: " + std::string(text)); }

// A cursor over the notation.
class Reader {
 public:
  explicit Reader(std::string_view text) : all_(text), rest_(text) {}

  void skip_spaces() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  bool done() {
    skip_spaces();
    return rest_.empty();
  }
  bool take(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void expect(std::string_view word) {
    if (!take(word)) fail(all_);
  }
  bool at_number() {
    skip_spaces();
    return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9';
  }
  std::uint32_t number() {
    skip_spaces();
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) fail(all_);
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  std::string word() {
    skip_spaces();
    const std::string_view found = rest_.substr(0, rest_.find_first_of(" ,>"));
    rest_.remove_prefix(found.size());
    return std::string(found);
  }

 private:
  std::string_view all_, rest_;
};

Option read_option(Reader& in) {
  Option option{in.word(), {}, {}, {}};
  if (option.name == "TS") {
    if (in.take("val")) option.val = in.number();
    if (in.take("ecr")) option.ecr = in.number();
    return option;
  }
  while (in.at_number()) {
    option.values.push_back(in.number());
    in.take(":");
  }
  return option;
}

std::vector<Option> read_options(Reader& in) {
  std::vector<Option> options;
  while (!in.take(">")) {
    options.push_back(read_option(in));
    in.take(",");
  }
  return options;
}

void write_option(std::ostringstream& out, const Option& option) {
  out << option.name;
  if (option.val) out << " val " << *option.val;
  if (option.ecr) out << " ecr " << *option.ecr;
  for (std::size_t i = 0; i < option.values.size(); ++i) out << (i % 2 == 1 ? ':' : ' ') << option.values[i];
}

}  // namespace

Segment segment_of(std::string_view text) {
  Reader in(text);
  Segment s;
  s.flags = in.word();
  s.seq = in.number();
  in.expect(":");
  const std::uint32_t next = in.number();
  in.expect("(");
  s.size = in.number();
  in.expect(")");
  if (s.seq + s.size != next) fail(text);
  if (in.take("ack")) s.ack = in.number();
  if (in.take("win")) s.window = in.number();
  if (in.take("urg")) s.urgent = in.number();
  if (in.take("<")) s.options = read_options(in);
  if (!in.done()) fail(text);
  return s;
}

std::string text_of(const Segment& s) {
  std::ostringstream out;
  out << s.flags << ' ' << s.seq << ':' << s.seq + s.size << '(' << s.size << ')';
  if (s.ack) out << " ack " << *s.ack;
  if (s.window) out << " win " << *s.window;
  if (!s.options || s.options->empty()) return out.str();
  for (std::size_t i = 0; i < s.options->size(); ++i) {
    out << (i == 0 ? " <" : ",");
    write_option(out, (*s.options)[i]);
  }
  out << '>';
  return out.str();
}

}  // namespace script
