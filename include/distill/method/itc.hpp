// Image–text contrast with momentum encoders, two queues and soft targets.
#pragma once

#include <array>
#include <limits>
#include <type_traits>

#include "../contrast/evaluate.hpp"
#include "../contrast/soft_target.hpp"
#include "../objective/cross_entropy.hpp"

DISTILL_NAMESPACE_BEGIN

/// Each image should find its text among the momentum encoder's texts of this batch and of a queue, as far as the
/// momentum encoder's image does; each text its image likewise.
///   S = f̂_I K_Xᵀ,  K_X = [f̂_X^m; Q_X];  y = α softmax(f̂_I^m K_Xᵀ/τ) + (1 − α) onehot(own)
///   value    (L_i2t + L_t2i)/2,  L_i2t = mean_b −Σ y log softmax(S/τ), L_t2i with images and texts exchanged
///   image    G K_X,  G = (softmax − y)/(2Bτ), then back through the lengths; text likewise
///   τ        −Σ G ∘ S/τ over both directions; the targets, momentum features and queues are constants
/// Per step: move the momentum encoders (moving_average, 0.995), take their features, this loss, then push them on the
/// queues. Clamp a learned τ itself before the call: std::clamp(τ, itc::lowest, itc::highest). α rises from 0 to 0.4
/// over the first epoch. One pair and no queue: value 0.
/// Source: Li et al. 2021 (ALBEF), arXiv 2107.07651, eq. 6, as coded (models/model_pretrain.py).
struct itc {
  double temperature = 0.07;
  double alpha = 0.4;

  static constexpr double lowest = 0.001, highest = 0.5;
  static constexpr pair_info info{
      .name = "itc",
      .formula = "½ (L_i2t + L_t2i), L = mean −Σ y log softmax(S/τ), y = α q + (1 − α) onehot",
      .source = "Li et al. 2021 (ALBEF), arXiv 2107.07651, eq. 6",
      .input = "samples × features of two kinds",
      .systems = "ALBEF",
      .zero_at_equality = false,
      .same_width = true};

  auto rows() const {
    return alpha * detail::soft_target{.temperature = temperature, .target_temperature = temperature} +
           (1 - alpha) * cross_entropy{.temperature = temperature, .scaling = temperature_scaling::none};
  }
};

/// B × width each, rows of a pair at the same place; queues at length 1.
template <class T>
struct itc_batch {
  matrix_view<const T> image{}, text{};
  matrix_view<const T> image_momentum{}, text_momentum{};
  matrix_view<const T> image_queue{}, text_queue{};
};
template <class T>
struct itc_gradients {
  matrix_view<T> image{}, text{};
  double* temperature = nullptr;
};

namespace detail {

template <class T>
void check_itc(const itc& objective, const itc_batch<T>& in, const itc_gradients<T>& out,
               const contrast_options& options) {
  check_contrast_options("itc", options);
  check_temperature<T>("itc", objective.temperature, 0);
  if (!(objective.alpha >= 0 && objective.alpha <= 1)) fail("itc: alpha is ", objective.alpha, ", must lie in [0, 1]");
  const auto alike = [&](const char* name, const matrix_view<const T>& m) {
    check_count(name, m, "image", in.image);
    check_width(name, m, "image", in.image);
  };
  alike("text", in.text), alike("image_momentum", in.image_momentum), alike("text_momentum", in.text_momentum);
  check_width("image_queue", in.image_queue, "image", in.image);
  check_width("text_queue", in.text_queue, "image", in.image);
  check_queue("image_queue", in.image_queue), check_queue("text_queue", in.text_queue);
  check_gradient_of("image", out.image, in.image);
  check_gradient_of("text", out.text, in.text);
}

/// One direction; returns its value, and adds Σ slope · similarity to `along`.
template <class T>
double itc_direction(const itc& objective, const matrix_view<const T>& anchors, unit_side<T>& target,
                     const unit_side<T>& keys, const matrix_view<const T>& queue, const matrix_view<T>& to,
                     bool to_temperature, const contrast_options& options, contrast_workspace<T>& workspace,
                     double& along) {
  contrast_scratch<T>& scratch = workspace.scratch();
  unit_side<T> side(anchors, scratch.side[0], options.execution);
  const std::array<key_block<T>, 2> blocks{key_block<T>{keys.rows(), {}}, key_block<T>{queue, {}}};
  similarities<T> all{.anchors = side.rows(), .keys = blocks, .targets = target.rows()};
  if (to || to_temperature) all.to_anchors = side.slopes();
  const tile_rows rows(objective.rows(), anchors.rows, options.upstream / 2, all.wants_slopes(), options.execution,
                       scratch.rows);
  const index* const labels = scratch.labels.data();
  const double value = over_similarities(all, options.largest_tile, options.execution, workspace,
                                         [&](index first, const matrix_view<T>& s, const matrix_view<T>& t) {
                                           return rows(s, t, index_view(labels + first, s.rows));
                                         });
  if (to_temperature) along += side.along();
  if (to) side.back(0, to, options.store == store_mode::accumulate);
  return value;
}

}  // namespace detail

/// No pairs: value 0. Results do not depend on the number of threads.
/// @throws argument_error  before anything is written: shapes that do not match, τ not positive, α outside [0, 1]
template <class T>
double value_and_gradient(const itc& objective, const itc_batch<T>& in,
                          const std::type_identity_t<itc_gradients<T>>& out, const contrast_options& options,
                          contrast_workspace<T>& workspace) {
  detail::check_itc(objective, in, out, options);
  const index rows = in.image.rows;
  const bool add = options.store == store_mode::accumulate;
  double value = 0, along = 0;
  if (rows > 0) {
    detail::contrast_scratch<T>& scratch = workspace.scratch();
    index* const labels = scratch.labels.reserve(rows);
    for (index r = 0; r < rows; ++r) labels[r] = r;
    detail::unit_side<T> image(in.image_momentum, scratch.side[1], options.execution);
    detail::unit_side<T> text(in.text_momentum, scratch.side[2], options.execution);
    const bool slope = out.temperature != nullptr;
    value = detail::itc_direction(objective, in.image, image, text, in.text_queue, out.image, slope, options, workspace,
                                  along);
    value += detail::itc_direction(objective, in.text, text, image, in.image_queue, out.text, slope, options, workspace,
                                   along);
  }
  if (out.temperature) *out.temperature = (add ? *out.temperature : 0) - along / objective.temperature;
  return value / 2;
}
template <class T>
double value_and_gradient(const itc& objective, const itc_batch<T>& in,
                          const std::type_identity_t<itc_gradients<T>>& out, const contrast_options& options = {}) {
  contrast_workspace<T> workspace;
  return value_and_gradient(objective, in, out, options, workspace);
}
template <class T>
double value(const itc& objective, const itc_batch<T>& in, const contrast_options& options = {}) {
  return value_and_gradient(objective, in, itc_gradients<T>{}, options);
}

DISTILL_NAMESPACE_END
