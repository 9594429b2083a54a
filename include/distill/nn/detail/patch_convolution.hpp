// Every other convolution: a product with the matrix of patches.
#pragma once

#include <algorithm>

#include "../../config.hpp"
#include "../../dense/product.hpp"
#include "convolution_shape.hpp"
#include "patches.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn::detail {

/// The convolution of one group as the matrix product weights × patches of each image; where kernel and stride are 1
/// the image is its own matrix of patches.
template <class T>
class patch_convolution {
 public:
  explicit patch_convolution(const convolution_shape& shape) : shape_(shape) {}

  index images() const { return 1; }

  index prepared_size() const { return shape_.weights(); }
  void prepare_forward(const T* weights, T* prepared) const { std::copy_n(weights, shape_.weights(), prepared); }
  void prepare_backward(const T* weights, T* prepared) const { prepare_forward(weights, prepared); }

  index forward_scratch() const { return pointwise() ? 0 : rows() * columns(); }
  void forward(const T* prepared, const T* bias, image_run<const T> x, image_run<T> y, T* scratch) const {
    const matrix_view<const T> weights(prepared, shape_.outputs, rows());
    for (index n = 0; n < x.count; ++n) {
      const matrix_view<T> to(y.image(n), shape_.outputs, columns());
      product(weights, patches(x.image(n), scratch), to,
              bias == nullptr ? matrix_view<const T>() : matrix_view<const T>(bias, to.rows, to.columns, 1, 0));
    }
  }

  index sum_size() const { return shape_.weights(); }
  index backward_scratch() const { return forward_scratch(); }
  void backward(const T* prepared, image_run<const T> x, image_run<const T> dy, image_run<T> dx, bool accumulate,
                T* sums, T* scratch) const {
    const matrix_view<const T> weights(prepared, shape_.outputs, rows());
    for (index n = 0; n < dy.count; ++n) {
      const matrix_view<const T> gradient(dy.image(n), shape_.outputs, columns());
      if (sums != nullptr) {
        const matrix_view<T> dw(sums, shape_.outputs, rows());
        product(gradient, transposed(patches(x.image(n), scratch)), dw, dw);
      }
      if (!dx) continue;
      T* to = dx.image(n);
      const matrix_view<T> image(pointwise() ? to : scratch, rows(), columns());
      if (pointwise()) {
        product(transposed(weights), gradient, image,
                accumulate ? matrix_view<const T>(image) : matrix_view<const T>());
      } else {
        if (!accumulate) std::fill_n(to, shape_.inputs * shape_.plane(), T(0));
        product(transposed(weights), gradient, image);
        scatter_patches(shape_, static_cast<const T*>(scratch), to);
      }
    }
  }
  void add_weight_gradient(const T* sums, T* gradient) const {
    distill::detail::add_to(gradient, sums, shape_.weights());
  }

 private:
  bool pointwise() const { return shape_.window == 1 && shape_.stride == 1 && shape_.padding == 0; }

  index rows() const { return shape_.inputs * shape_.taps(); }
  index columns() const { return shape_.out_plane(); }
  matrix_view<const T> patches(const T* image, T* scratch) const {
    if (!pointwise()) gather_patches(shape_, image, scratch);
    return {pointwise() ? image : scratch, rows(), columns()};
  }

  convolution_shape shape_;
};

}  // namespace nn::detail
DISTILL_NAMESPACE_END
