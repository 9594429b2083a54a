// Stages one after the other, and the memory they share.
#pragma once

#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "stage.hpp"

DISTILL_NAMESPACE_BEGIN

/// What becomes of features before they are compared: `chain(unit_rows{}, gram{})` are cosines between the rows.
/// An empty chain leaves them as they are.
template <stage... Stages>
class chain {
 public:
  static constexpr std::size_t size = sizeof...(Stages);

  constexpr explicit chain(const Stages&... stages) : stages_(stages...) {}

  template <std::size_t I>
  constexpr const auto& get() const {
    return std::get<I>(stages_);
  }
  /// The shape at the end.
  feature_shape out(feature_shape shape) const {
    std::apply([&](const auto&... s) { ((shape = s.out(shape)), ...); }, stages_);
    return shape;
  }

 private:
  std::tuple<Stages...> stages_;
};

namespace detail {

/// A row-major matrix in scratch: rows begin on a cache line, and not all on the same cache set.
template <class T>
constexpr index scratch_columns(index columns) {
  constexpr index line = static_cast<index>(cache_line / sizeof(T));
  const index whole = (columns + line - 1) / line * line;
  return whole >= 512 ? whole + line : whole;
}
template <class T>
constexpr index scratch_size(const feature_shape& s) {
  return s.rows * scratch_columns<T>(s.columns);
}

/// One item's way through a chain: lays out the memory once, then goes forward and back any number of times.
template <class T, class Chain>
class chain_run;

template <class T, class... Stages>
class chain_run<T, chain<Stages...>> {
  static constexpr std::size_t size = sizeof...(Stages);
  template <std::size_t I>
  using stage_at = std::tuple_element_t<I, std::tuple<Stages...>>;

  /// Stage I writes over the output of the one before: nobody reads that on the way back, and it is not the user's.
  template <std::size_t I>
  static constexpr bool in_place() {
    if constexpr (I == 0)
      return false;
    else
      return stage_at<I>::pointwise && !stage_at<I>::keeps_input && !stage_at<I - 1>::keeps_output;
  }

 public:
  chain_run(const chain<Stages...>& stages, const feature_shape& in) : stages_(stages) {
    shape_[0] = in;
    each([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      shape_[I + 1] = stages_.template get<I>().out(shape_[I]);
      kept_at_[I] = memory_;
      memory_ += whole_lines(stages_.template get<I>().kept(shape_[I]));
      if (in_place<I>()) {
        out_at_[I] = out_at_[I - (I > 0)];
      } else {
        out_at_[I] = memory_;
        memory_ += whole_lines(scratch_size<T>(shape_[I + 1]));
      }
      slope_at_[I] = slopes_;
      if (!stage_at<I>::pointwise) slopes_ += whole_lines(scratch_size<T>(shape_[I]));
    });
  }

  const feature_shape& out() const { return shape_[size]; }
  /// Elements that forward() and backward() need.
  index memory() const { return memory_; }
  index slopes() const { return slopes_; }

  /// What becomes of `in`; lies in `memory`, or is `in` itself for an empty chain.
  matrix_view<const T> forward(const matrix_view<const T>& in, T* memory, const execution& how) const {
    matrix_view<const T> at = in;
    each([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      const matrix_view<T> to = matrix(memory + out_at_[I], shape_[I + 1]);
      stages_.template get<I>().forward(at, to, memory + kept_at_[I], how);
      at = to;
    });
    return at;
  }

  /// The gradient with respect to `in`; lies in `scratch` or in `slope`, which is overwritten.
  matrix_view<T> backward(const matrix_view<const T>& in, T* memory, matrix_view<T> slope, T* scratch,
                          const execution& how) const {
    back<size>([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      matrix_view<const T> from = in;
      if constexpr (I > 0) from = matrix(memory + out_at_[I - 1], shape_[I]);
      const matrix_view<const T> to = matrix(memory + out_at_[I], shape_[I + 1]);
      const matrix_view<T> result = stage_at<I>::pointwise ? slope : matrix(scratch + slope_at_[I], shape_[I]);
      stages_.template get<I>().backward(from, to, memory + kept_at_[I], slope, result, how);
      slope = result;
    });
    return slope;
  }

 private:
  static constexpr index whole_lines(index count) {
    constexpr index line = static_cast<index>(cache_line / sizeof(T));
    return (count + line - 1) / line * line;
  }
  static matrix_view<T> matrix(T* at, const feature_shape& s) {
    return {at, s.rows, s.columns, scratch_columns<T>(s.columns)};
  }
  template <class F>
  static void each(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(std::integral_constant<std::size_t, I>{}), ...); }
    (std::make_index_sequence<size>{});
  }
  template <std::size_t N, class F>
  static void back(F&& f) {
    if constexpr (N > 0) {
      f(std::integral_constant<std::size_t, N - 1>{});
      back<N - 1>(f);
    }
  }

  const chain<Stages...>& stages_;
  std::array<feature_shape, size + 1> shape_{};
  std::array<index, size + 1> out_at_{}, kept_at_{}, slope_at_{};
  index memory_ = 0, slopes_ = 0;
};

}  // namespace detail
DISTILL_NAMESPACE_END
