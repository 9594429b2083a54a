// Fashion-MNIST as Debian's package dataset-fashion-mnist lays it out: four gzip'd IDX files.
#pragma once

#include <cstdint>
#include <distill/io/idx.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace example {

/// Images as floats of mean 0 and deviation 1 over the training set, and their classes.
struct labelled_images {
  std::vector<float> pixels;  // images × 28 × 28
  std::vector<std::uint8_t> labels;

  distill::index size() const { return static_cast<distill::index>(labels.size()); }
  static constexpr distill::index side = 28, pixels_per_image = side * side, classes = 10;
  const float* image(distill::index i) const { return pixels.data() + i * pixels_per_image; }
};

struct fashion_mnist {
  labelled_images train, test;
};

/// The files may be compressed (.gz) or not. Throws distill::file_error with the file's name and what is wrong with it.
inline fashion_mnist load_fashion_mnist(const std::filesystem::path& folder) {
  const auto read = [&](const std::string& name, int rank) {
    const std::filesystem::path packed = folder / (name + ".gz"), plain = folder / name;
    return distill::read_idx(std::filesystem::exists(plain) && !std::filesystem::exists(packed) ? plain : packed, rank);
  };
  const auto part = [&](const std::string& prefix) {
    const distill::idx_file images = read(prefix + "-images-idx3-ubyte", 3);
    distill::idx_file labels = read(prefix + "-labels-idx1-ubyte", 1);
    const auto side = labelled_images::side;
    if (images.extents[1] != side || images.extents[2] != side)
      throw distill::file_error(prefix + "-images: images are " + std::to_string(images.extents[1]) + "x" +
                                std::to_string(images.extents[2]) + ", expected 28x28");
    if (images.extents[0] != labels.extents[0] || labels.extents[0] == 0)
      throw distill::file_error(prefix + ": " + std::to_string(images.extents[0]) + " images, " +
                                std::to_string(labels.extents[0]) + " labels");
    for (const std::uint8_t label : labels.bytes)
      if (label >= labelled_images::classes)
        throw distill::file_error(prefix + "-labels: label " + std::to_string(label) + ", expected 0 to 9");
    labelled_images result;
    result.pixels.reserve(images.bytes.size());
    for (const std::uint8_t byte : images.bytes)
      result.pixels.push_back((static_cast<float>(byte) / 255.0f - 0.2860f) / 0.3530f);
    result.labels = std::move(labels.bytes);
    return result;
  };
  return {part("train"), part("t10k")};
}

}  // namespace example
