// Weights averaged over training, for evaluation or as a teacher.
#pragma once

#include <algorithm>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/parallel.hpp"
#include "../core/sweep.hpp"
#include "detail/at_exit.hpp"
#include "optimiser_memory.hpp"
#include "parameter.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// θ̄ ← θ̄ + (1 − decay) (θ − θ̄) after every step; the first update copies. Give the buffers in the list, too, to average
/// running statistics.
///
///     nn::exponential_average<float> average;
///     … optimiser.step(parameters, rate);  average.update(parameters, 0.999);
///     {
///       const auto averaged = average.in_place_of(parameters);   // the model holds θ̄ until the end of the block
///       evaluate(model);
///     }
///
/// A decay that rises, min(0.999, (1 + step) / (10 + step)) or schedule/momentum_schedule.hpp's, forgets the first
/// weights sooner. source: B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992, in
/// the exponential form of A. Tarvainen, H. Valpola, "Mean teachers are better role models", NIPS 2017, eq. 5.
template <class T>
class exponential_average {
 public:
  /// @throws argument_error  decay outside [0, 1], a list that is not the one of the first update
  void update(const std::vector<parameter<T>*>& parameters, double decay, execution resources = {}) {
    if (!(decay >= 0 && decay <= 1)) fail("exponential_average: decay is ", decay, ", [0, 1] expected");
    prepare(parameters);
    const bool first = updates_++ == 0;
    const simd<T> rest(static_cast<T>(1 - decay));
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      const index size = values_[k].size();
      T* const own = values_[k].data();
      const T* const fresh = parameters[k]->value().data;
      if (first)
        std::copy_n(fresh, size, own);
      else
        distill::detail::for_sweep_pieces(size, resources, [&](index from, index count) {
          distill::detail::sweep<T>(
              count,
              // Equal weights stay bit-identical, which decay · a + rest · b would not promise.
              [&](simd<T>& a, const simd<T>& b) DISTILL_LAMBDA_INLINE { a = lane<simd<T>>::fma(rest, b - a, a); },
              own + from, fresh + from);
        });
    }
  }

  /// Exchanges the parameters' values and the averages: once to evaluate, once more to go on.
  /// @throws argument_error  before the first update, or a list that is not its own
  void swap(const std::vector<parameter<T>*>& parameters) {
    if (updates_ == 0) fail("exponential_average: there is no average before the first update");
    check(parameters);
    for (std::size_t k = 0; k < parameters.size(); ++k)
      std::swap_ranges(values_[k].data(), values_[k].data() + values_[k].size(), parameters[k]->value().data);
  }
  /// Exchanged until the returned object ends; the parameters and this must live that long.
  [[nodiscard]] auto in_place_of(const std::vector<parameter<T>*>& parameters) {
    swap(parameters);
    return detail::at_exit([this, parameters] { swap(parameters); });
  }
  /// See optimiser_memory.hpp: an average that is saved goes on.
  template <memory_visitor<T> Visitor>
  void visit_memory(const std::vector<parameter<T>*>& parameters, Visitor&& visit) {
    prepare(parameters);
    visit("updates", updates_);
    for (std::size_t k = 0; k < parameters.size(); ++k) visit(parameters[k]->name + ".average", values_[k].view());
  }
  /// The average of parameter k. @throws argument_error  if there is none
  tensor_view<const T> value(index k) const {
    if (k < 0 || k >= static_cast<index>(values_.size()))
      fail("exponential_average: parameter ", k, " asked for, there are ", values_.size());
    return values_[static_cast<std::size_t>(k)].view();
  }

 private:
  void prepare(const std::vector<parameter<T>*>& parameters) {
    if (values_.empty())
      for (const parameter<T>* p : parameters) values_.emplace_back(p->shape());
    check(parameters);
  }
  void check(const std::vector<parameter<T>*>& parameters) const {
    if (parameters.size() != values_.size())
      fail("exponential_average: ", parameters.size(), " parameters given, ", values_.size(), " are averaged");
    for (std::size_t k = 0; k < values_.size(); ++k)
      if (parameters[k]->shape() != values_[k].shape())
        fail("exponential_average: parameter ", k, " (", parameters[k]->name, ") is ", parameters[k]->shape().text(),
             ", it was ", values_[k].shape().text());
  }

  std::vector<tensor<T>> values_;
  index updates_ = 0;
};

}  // namespace nn
DISTILL_NAMESPACE_END
