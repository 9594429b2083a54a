// The header of a safetensors file: read and checked, and written.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../../config.hpp"
#include "../../core/matrix_view.hpp"
#include "../file_error.hpp"
#include "../safetensors_tensor.hpp"
#include "excerpt.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

inline constexpr std::uint64_t safetensors_largest_header = 100'000'000;

struct safetensors_entry {
  std::string name;
  safetensors_type type;
  std::vector<index> extents;
  std::uint64_t begin, end;
};

/// What the parser reports while it reads: nothing is built but what the format knows, so that a key that comes twice
/// is noticed and nesting costs nothing. Keys of one object stand in `at_`, from the outermost.
class safetensors_header {
 public:
  /// @throws file_error  anything that is not as the format says, `data_size` bytes following the header
  template <class Text>
  safetensors_header(const std::filesystem::path& path, const Text& text, std::uint64_t data_size) : path_(path) {
    if (text.empty() || text.front() != '{') fail_file(path_, "the header does not begin with '{'");
    // To the parser this would be the end.
    if (text.find('\0') != Text::npos) fail_file(path_, "malformed header: a zero byte");
    nlohmann::json::sax_parse(text.begin(), text.end(), this);
    lay_out(data_size);
  }

  std::map<std::string, std::string> metadata;
  std::vector<safetensors_entry> tensors;  // in the order of their bytes
  std::map<std::string, std::size_t, std::less<>> by_name;

  // --- called by the parser; true: go on ---

  bool null() { unexpected("null"); }
  bool boolean(bool) { unexpected("a boolean"); }
  bool number_integer(std::int64_t) { unexpected("a negative number"); }
  bool number_float(double, const std::string& digits) { unexpected("the number " + excerpt(digits)); }
  template <class Binary>
  bool binary(const Binary&) {
    unexpected("binary data");
  }
  bool number_unsigned(std::uint64_t x) {
    if (depth_ != 3) unexpected("a number");
    if (field_ == shape && x > static_cast<std::uint64_t>(std::numeric_limits<index>::max()))
      fail_file(path_, "tensor ", shown(), ": extent ", x, " is too large");
    if (field_ == offsets && numbers_ == 2) fail_file(path_, "tensor ", shown(), ": more than two offsets");
    if (field_ == shape) tensors.back().extents.push_back(static_cast<index>(x));
    if (field_ == offsets) (numbers_ == 0 ? tensors.back().begin : tensors.back().end) = x;
    ++numbers_;
    return true;
  }
  bool string(const std::string& text) {
    if (depth_ == 2 && in_metadata_) {
      metadata_value_->second = text;
      return true;
    }
    if (depth_ != 2 || field_ != dtype) unexpected("'" + excerpt(text) + "'");
    const auto format = std::find_if(std::begin(safetensors_formats), std::end(safetensors_formats),
                                     [&](const auto& f) { return text == f.name; });
    if (format == std::end(safetensors_formats))
      fail_file(path_, "tensor ", shown(), ": unknown element type '", excerpt(text), "'");
    tensors.back().type = static_cast<safetensors_type>(format - std::begin(safetensors_formats));
    return true;
  }
  bool key(const std::string& text) {
    if (depth_ == 1) {
      in_metadata_ = text == "__metadata__";
      if (in_metadata_ && has_metadata_) fail_file(path_, "__metadata__ comes twice");
      has_metadata_ = has_metadata_ || in_metadata_;
      if (in_metadata_) return true;
      if (!by_name.emplace(text, tensors.size()).second) fail_file(path_, "tensor ", printable(text), " comes twice");
      tensors.push_back({text, safetensors_type::f32, {}, 0, 0});
      fields_ = 0;
    } else if (in_metadata_) {
      const auto [at, added] = metadata.emplace(text, std::string());
      if (!added) fail_file(path_, "metadata '", excerpt(text), "' comes twice");
      metadata_value_ = at;
    } else {
      static constexpr std::array<std::string_view, 3> names{"dtype", "shape", "data_offsets"};
      const auto name = std::find(names.begin(), names.end(), text);
      if (name == names.end()) fail_file(path_, "tensor ", shown(), ": unknown field '", excerpt(text), "'");
      field_ = static_cast<field>(1 << (name - names.begin()));
      if (fields_ & field_) fail_file(path_, "tensor ", shown(), ": ", *name, " comes twice");
      fields_ |= field_;
    }
    return true;
  }
  bool start_object(std::size_t) {
    if (depth_ >= 2) unexpected("an object");
    ++depth_;
    return true;
  }
  bool end_object() {
    if (depth_ == 2 && !in_metadata_ && fields_ != (dtype | shape | offsets))
      fail_file(path_, "tensor ", shown(), ": dtype, shape and data_offsets expected");
    --depth_;
    return true;
  }
  bool start_array(std::size_t) {
    if (depth_ != 2 || in_metadata_ || field_ == dtype) unexpected("a list");
    ++depth_;
    numbers_ = 0;
    return true;
  }
  bool end_array() {
    if (field_ == offsets && numbers_ != 2) fail_file(path_, "tensor ", shown(), ": two offsets expected");
    --depth_;
    return true;
  }
  template <class Error>
  [[noreturn]] bool parse_error(std::size_t position, const std::string& token, const Error&) {
    fail_file(path_, "malformed header: no JSON at byte ", position, ", '", excerpt(token), "'");
  }

 private:
  enum field { dtype = 1, shape = 2, offsets = 4 };

  [[noreturn]] void unexpected(const std::string& what) const {
    if (depth_ == 0 || (depth_ == 1 && tensors.empty() && !in_metadata_))
      fail_file(path_, "malformed header: unexpected ", what);
    if (in_metadata_) fail_file(path_, "__metadata__: unexpected ", what, ", it maps text to text");
    fail_file(path_, "tensor ", shown(), ": unexpected ", what);
  }
  std::string shown() const { return printable(tensors.back().name); }

  /// Tensors must fill the data from the first byte to the last.
  void lay_out(std::uint64_t data_size) {
    std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
    });
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const safetensors_entry& t = tensors[i];
      const std::uint64_t bits = bits_of(t);
      const std::string name = printable(t.name);
      if (t.begin > t.end || t.end > data_size)
        fail_file(path_, "tensor ", name, ": offsets ", t.begin, " to ", t.end, " do not lie in the ", data_size,
                  " bytes of data");
      if (t.begin != at)
        fail_file(path_, "tensor ", name, ": begins at ", t.begin,
                  t.begin < at ? ", overlapping" : ", leaving a hole to", " the tensor before it, which ends at ", at);
      if (bits % 8 != 0 || bits / 8 != t.end - t.begin)
        fail_file(path_, "tensor ", name, ": offsets ", t.begin, " to ", t.end, " are ", t.end - t.begin,
                  " bytes, its shape needs ", bits, " bits");
      at = t.end;
      by_name.find(t.name)->second = i;
    }
    if (at != data_size) fail_file(path_, data_size, " bytes of data, the tensors end at ", at);
  }
  std::uint64_t bits_of(const safetensors_entry& t) const {
    std::uint64_t bits = format_of(t.type).bits;
    for (const index extent : t.extents)
      if (__builtin_mul_overflow(bits, static_cast<std::uint64_t>(extent), &bits))
        fail_file(path_, "tensor ", printable(t.name), ": the size of its shape overflows");
    return bits;
  }

  const std::filesystem::path& path_;
  int depth_ = 0, fields_ = 0, numbers_ = 0;
  field field_ = dtype;
  bool in_metadata_ = false, has_metadata_ = false;
  std::map<std::string, std::string>::iterator metadata_value_{};
};

/// Text as JSON spells it; what is not UTF-8 stays what it is, for the reader to refuse.
inline std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    const char* digits = "0123456789abcdef";
    if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (code < 0x20)
      result += std::string("\\u00") + digits[code / 16] + digits[code % 16];
    else
      result += c;
  }
  return result + '"';
}

/// The header of tensors that follow each other in this order.
inline std::string safetensors_header_text(const std::vector<const safetensors_tensor*>& tensors,
                                           const std::map<std::string, std::string>& metadata) {
  std::string text = "{";
  for (const auto& [name, value] : metadata)
    text += (text.size() == 1 ? "\"__metadata__\":{" : ",") + json_text(name) + ':' + json_text(value);
  if (!metadata.empty()) text += '}';
  std::uint64_t at = 0;
  for (const safetensors_tensor* t : tensors) {
    text += (text.size() == 1 ? "" : ",") + json_text(t->name) + ":{\"dtype\":\"" + t->type_name() + "\",\"shape\":[";
    for (std::size_t i = 0; i < t->extents.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(t->extents[i]);
    text += "],\"data_offsets\":[" + std::to_string(at);
    at += t->bytes.size();
    text += ',' + std::to_string(at) + "]}";
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace detail
DISTILL_NAMESPACE_END
