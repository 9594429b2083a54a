// Leaves over a stored teacher: log-probabilities and slopes at its classes.
#pragma once

#include <array>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "fused.hpp"
#include "plan.hpp"
#include "sites.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

template <class T, row_objective X>
class stored_leaves {
  static constexpr std::size_t leaves = static_cast<std::size_t>(sum_of<X>::leaves);
  static constexpr bool any = leaf_kinds<sum_of<X>>::any_stored;
  using number = wide<T>;
  /// Elements of T that a number for each stored class takes.
  static index row_size(const row_plan<X>& plan) {
    return padded(plan.stored.classes.columns() * static_cast<index>(sizeof(number) / sizeof(T)),
                  static_cast<index>(cache_line / sizeof(T)));
  }

 public:
  static constexpr auto has = []<class... Ls>(const weighted_sum<Ls...>*) {
    return std::array<bool, leaves>{stored<Ls>...};
  }(static_cast<const sum_of<X>*>(nullptr));

  static index scratch_size(const row_plan<X>& plan) {
    return any ? row_size(plan) * static_cast<index>(2 + leaves) : 0;
  }

  stored_leaves(const row_plan<X>& plan, T*& scratch) : teacher_(plan.stored) {
    if constexpr (any) {
      log_t_ = reinterpret_cast<double*>(take(scratch, row_size(plan)));
      log_s_ = reinterpret_cast<number*>(take(scratch, row_size(plan)));
      for (number*& each : slopes_) each = reinterpret_cast<number*>(take(scratch, row_size(plan)));
    }
  }

  /// Leaf k over `row`; s is the student's site, rest the one without the stored classes.
  template <stored L>
  stored_form<number> evaluate(std::size_t k, const L& leaf, index row, const row_sites<T, X>& sites, int s, int rest) {
    const number top = static_cast<number>(sites.max(s)), per = static_cast<number>(sites.scale(s));
    const number log_sum = sites.log_sum(s);
    std::size_t count = 0;
    for (index j = 0; j < teacher_.classes.columns(); ++j) {
      const index c = teacher_.classes(row, j);
      if (c < 0) continue;
      log_t_[count] = teacher_.log_p(row, j);
      log_s_[count] = (static_cast<number>(sites.reader(s).at(c)) - top) * per - log_sum;
      ++count;
    }
    stored_row<number> all{.log_t = {log_t_, count}, .log_s = {log_s_, count}, .slopes = {slopes_[k], count}};
    if (leaf.reads_rest()) all.log_rest_s = log_share(sites.summary(rest, false), sites.summary(s, false));
    return leaf.evaluate(all);
  }

  /// f(class, slope) for every stored class of leaf k.
  template <class F>
  void each(std::size_t k, index row, const F& f) const {
    std::size_t count = 0;
    for (index j = 0; j < teacher_.classes.columns(); ++j)
      if (const index c = teacher_.classes(row, j); c >= 0) f(c, slopes_[k][count++]);
  }

 private:
  const stored_teacher& teacher_;
  double* log_t_ = nullptr;
  number* log_s_ = nullptr;
  std::array<number*, leaves> slopes_{};
};

}  // namespace detail
DISTILL_NAMESPACE_END
