// Safetensors files: named arrays, as PyTorch, JAX and Hugging Face exchange weights. Needs nlohmann-json.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/matrix_view.hpp"
#include "atomic_file.hpp"
#include "detail/input_file.hpp"
#include "detail/safetensors_header.hpp"
#include "file_error.hpp"
#include "safetensors_tensor.hpp"

DISTILL_NAMESPACE_BEGIN

class safetensors_file;
template <int = 0>  // a template, so that the JSON parser is compiled where files are read and nowhere else
safetensors_file read_safetensors(const std::filesystem::path& path);

/// A file in memory. Tensors are views of it, in the order of their bytes; moving it leaves them valid.
class safetensors_file {
 public:
  safetensors_file() = default;
  safetensors_file(safetensors_file&&) = default;
  safetensors_file& operator=(safetensors_file&&) = default;

  std::map<std::string, std::string> metadata;
  std::vector<safetensors_tensor> tensors;

  /// Null if there is none of that name.
  const safetensors_tensor* find(std::string_view name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : &tensors[at->second];
  }

 private:
  template <int>
  friend safetensors_file read_safetensors(const std::filesystem::path&);
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::vector<std::uint8_t> bytes_;
};

/// Reads a whole file and holds it to the letter of the format: eight bytes for the length of the header
/// (little-endian, at most 100 MB), the header as JSON, then the bytes of all tensors one after the other without
/// holes, overlap or rest. Never asks for more memory than a small multiple of what the file has, whatever its header
/// claims. Source: github.com/huggingface/safetensors, "Format".
/// @throws file_error  missing or unreadable file; a header that is cut, longer than the file or 100 MB, no JSON object
///   or not of the form {"name": {"dtype", "shape", "data_offsets"}, "__metadata__": {text: text}}; a key twice; an
///   unknown element type; a shape whose size overflows or differs from its offsets; offsets that are out of range,
///   overlap or leave bytes out
template <int>
safetensors_file read_safetensors(const std::filesystem::path& path) {
  std::ifstream in = detail::open_file(path);
  std::error_code no_size;
  const std::uintmax_t size = std::filesystem::file_size(path, no_size);
  if (no_size) detail::fail_file(path, "cannot read: ", no_size.message());
  if (size < 8) detail::fail_file(path, "not a safetensors file: ", size, " bytes, at least 8 expected");
  const auto read = [&](auto& to, std::uint64_t count, const char* what) {
    to.resize(static_cast<std::size_t>(count));
    in.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(count));
    if (static_cast<std::uint64_t>(in.gcount()) != count)
      detail::fail_file(path, "truncated ", what, ": ", static_cast<index>(in.gcount()), " bytes, ", count,
                        " expected");
  };

  std::string header;
  read(header, 8, "length");
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(header[i]);
  if (length > detail::safetensors_largest_header)
    detail::fail_file(path, "not a safetensors file: header of ", length, " bytes, at most ",
                      detail::safetensors_largest_header, " are supported");
  if (length > size - 8) detail::fail_file(path, "truncated header: ", size - 8, " bytes, ", length, " expected");
  read(header, length, "header");

  safetensors_file result;
  detail::safetensors_header parsed(path, header, size - 8 - length);
  read(result.bytes_, size - 8 - length, "data");
  result.metadata = std::move(parsed.metadata);
  result.by_name_ = std::move(parsed.by_name);
  result.tensors.reserve(parsed.tensors.size());
  for (detail::safetensors_entry& e : parsed.tensors)
    result.tensors.push_back({.name = std::move(e.name),
                              .type = e.type,
                              .extents = std::move(e.extents),
                              .bytes = {result.bytes_.data() + e.begin, static_cast<std::size_t>(e.end - e.begin)}});
  return result;
}

/// Writes a file atomically, byte for byte as the Python package orders it: large elements first, then by name, the
/// header filled up with spaces so that every tensor is aligned to its elements.
/// @throws file_error  what read_safetensors() would not read: a name twice, text that is not UTF-8, a number of bytes
///   that is not what the shape says; the file cannot be written
template <int = 0>
void write_safetensors(const std::filesystem::path& path, std::span<const safetensors_tensor> tensors,
                       const std::map<std::string, std::string>& metadata = {}) {
  std::vector<const safetensors_tensor*> order;
  for (const safetensors_tensor& t : tensors) order.push_back(&t);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return a->type != b->type ? a->type > b->type : a->name < b->name;
  });
  const std::string header = detail::safetensors_header_text(order, metadata);
  std::uint64_t size = 0;
  for (const safetensors_tensor* t : order) size += t->bytes.size();
  if (header.size() > detail::safetensors_largest_header)
    detail::fail_file(path, "cannot write: header of ", header.size(), " bytes, at most ",
                      detail::safetensors_largest_header, " are supported");
  detail::safetensors_header(path, header, size);  // throws for what nobody could read

  char length[8];
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  atomic_file file(path);
  file.write(length, 8);
  file.write(header);
  for (const safetensors_tensor* t : order) file.write(t->bytes.data(), t->bytes.size());
  file.commit();
}

DISTILL_NAMESPACE_END
