// Models as files. Needs nlohmann-json.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "../config.hpp"
#include "../io/safetensors.hpp"
#include "../nn/layer.hpp"
#include "detail/tensor_list.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

namespace detail {

template <class T>
tensor_list<T> tensors_of(nn::layer<T>& model) {
  tensor_list<T> list;
  list(model.parameters());
  list(model.buffers());
  return list;
}

}  // namespace detail

/// Writes parameters and buffers of a model under their names into a safetensors file, atomically. Weights are stored
/// as the layers hold them: linear ones inputs × outputs, the transpose of PyTorch's.
/// @throws file_error  the file cannot be written, two tensors of one name
template <class T>
void save_model(const std::filesystem::path& path, nn::layer<T>& model,
                const std::map<std::string, std::string>& metadata = {}) {
  const detail::tensor_list<T> list = detail::tensors_of(model);
  write_safetensors(path, list.views(), metadata);
}

/// Fills a model of the same architecture. With `convert` the file may hold other element types that read as T.
/// @throws file_error  what read_safetensors() throws; tensors missing, unexpected, of another type or shape, each
///   named with both. The model is what it was then
template <class T>
void load_model(const std::filesystem::path& path, nn::layer<T>& model, bool convert = false) {
  const safetensors_file file = read_safetensors(path);
  const detail::tensor_list<T> list = detail::tensors_of(model);
  list.match(path, file, convert);
  list.fill(file);
}

}  // namespace train
DISTILL_NAMESPACE_END
