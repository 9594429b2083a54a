// Fashion-MNIST as Debian's package dataset-fashion-mnist lays it out: four gzip'd IDX files.
#pragma once

#include <cstdint>
#include <distill/data/dataset.hpp>
#include <distill/data/image_extents.hpp>
#include <distill/io/idx.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace example {

inline constexpr distill::data::image_extents image_shape{1, 28, 28};
inline constexpr distill::index classes_of_images = 10;

/// A part of the data as its two files have it.
struct image_files {
  distill::idx_file images, labels;

  distill::data::dataset<std::uint8_t> view() const {
    return {{images.bytes.data(), images.extents[0], image_shape.size()}, labels.bytes};
  }
};

/// `part` is "train" or "t10k". The files may be compressed (.gz) or not. Throws distill::file_error with the file's
/// name and what is wrong with it.
inline image_files read_images(const std::filesystem::path& folder, const std::string& part) {
  if (!std::filesystem::is_directory(folder))
    throw distill::file_error("--data: there is no folder " + folder.string());
  const auto path_of = [&](const char* kind) {
    const std::filesystem::path plain = folder / (part + kind), packed = plain.string() + ".gz";
    return std::filesystem::exists(plain) && !std::filesystem::exists(packed) ? plain : packed;
  };
  const std::filesystem::path of_images = path_of("-images-idx3-ubyte"), of_labels = path_of("-labels-idx1-ubyte");
  const image_files found{distill::read_idx(of_images, 3), distill::read_idx(of_labels, 1)};
  const std::vector<distill::index>& extents = found.images.extents;
  if (extents[1] != image_shape.height || extents[2] != image_shape.width)
    throw distill::file_error(of_images.string() + ": images are " + std::to_string(extents[1]) + "x" +
                              std::to_string(extents[2]) + ", expected 28x28");
  if (extents[0] != found.labels.extents[0] || extents[0] == 0)
    throw distill::file_error(of_labels.string() + ": " + std::to_string(found.labels.extents[0]) + " labels, " +
                              std::to_string(extents[0]) + " images");
  for (const std::uint8_t label : found.labels.bytes)
    if (label >= classes_of_images)
      throw distill::file_error(of_labels.string() + ": label " + std::to_string(label) + ", expected 0 to 9");
  return found;
}

/// Images as floats of mean 0 and deviation 1 over the training set, and their classes.
struct labelled_images {
  std::vector<float> pixels;  // images × 28 × 28
  std::vector<std::uint8_t> labels;

  explicit labelled_images(const image_files& files) : labels(files.labels.bytes) {
    pixels.reserve(files.images.bytes.size());
    for (const std::uint8_t byte : files.images.bytes)
      pixels.push_back((static_cast<float>(byte) / 255.0f - 0.2860f) / 0.3530f);
  }
  distill::index size() const { return static_cast<distill::index>(labels.size()); }
  distill::matrix_view<const float> matrix() const { return {pixels.data(), size(), image_shape.size()}; }
};

struct fashion_mnist {
  labelled_images train, test;

  /// Throws distill::file_error, too, if there are fewer images than these.
  explicit fashion_mnist(const std::filesystem::path& folder, distill::index least_train = 1,
                         distill::index least_test = 1)
      : train(read_images(folder, "train")), test(read_images(folder, "t10k")) {
    if (train.size() < least_train || test.size() < least_test)
      throw distill::file_error("--data: " + folder.string() + " has " + std::to_string(train.size()) + " and " +
                                std::to_string(test.size()) + " images, at least " + std::to_string(least_train) +
                                " and " + std::to_string(least_test) + " are needed");
  }
};

}  // namespace example
