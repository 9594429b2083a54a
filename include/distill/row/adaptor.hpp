// What happens to a row before an objective sees it, for any leaf, compound or sum.
#pragma once

#include <array>
#include <cstddef>

#include "../config.hpp"
#include "algebra.hpp"
#include "objective.hpp"

DISTILL_NAMESPACE_BEGIN

/// Applied to every site of a leaf.
struct row_adaptor {
  std::array<row_mix, input_count> rows{row_mix::of(input::student), row_mix::of(input::teacher),
                                        row_mix::of(input::auxiliary)};  ///< what each input is replaced by
  kept_columns columns{};                                                ///< unless `all`
  bool standardise = false;

  constexpr void apply(site& s) const {
    const int whole = [&] {
      row_mix plain = s.row;
      plain.columns = {};
      return plain.only();
    }();
    if (whole >= 0) {
      const auto k = static_cast<std::size_t>(whole);
      const bool detached = s.row.detached[k];
      const kept_columns kept = s.row.columns;
      s.row = rows[k];
      s.row.columns = kept;
      for (bool& d : s.row.detached) d = d || detached;
    } else {
      for (std::size_t k = 0; k < s.row.detached.size(); ++k)
        s.row.detached[k] = s.row.detached[k] || rows[k].detached[k];
    }
    if (columns.which != kept_columns::rule::all) {
      if (s.row.columns.which != kept_columns::rule::all)
        fail("an objective that chooses its classes cannot be given other classes");
      s.row.columns = columns;
    }
    s.standardised = s.standardised || standardise;
  }
};

/// A leaf with adapted sites; in everything else it is the leaf.
template <row_leaf L>
struct adapted : L {
  row_adaptor adaptor;

  constexpr auto sites() const {
    auto list = detail::sites_of(static_cast<const L&>(*this));
    for (site& s : list) adaptor.apply(s);
    return list;
  }
};

template <row_objective X>
constexpr auto adapt(const row_adaptor& adaptor, const X& objective) {
  return detail::changed(as_sum(objective), [&]<class L>(const weighted<L>& item) {
    return weighted<adapted<L>>{item.weight, {item.leaf, adaptor}};
  });
}

/// Logit standardisation: every row is divided by its own standard deviation (unbiased, over the classes that are not
/// masked) before the temperature, and the gradient flows through that too. A constant row stays constant, with
/// gradient 0. `standardised(kl{.temperature = 2})`; Sun et al. 2024, arXiv 2403.01427 (the mean cancels in the
/// softmax).
template <row_objective X>
constexpr auto standardised(const X& objective) {
  row_adaptor adaptor;
  adaptor.standardise = true;
  return adapt(adaptor, objective);
}

/// The objective over the classes whose entry is not 0; the others are as if they were deleted.
template <row_objective X>
constexpr auto over_classes(const index_view& classes, const X& objective) {
  row_adaptor adaptor;
  adaptor.columns = {.which = kept_columns::rule::listed, .classes = classes};
  return adapt(adaptor, objective);
}

/// No gradient to that input through this objective, whatever the call asks for.
template <row_objective X>
constexpr auto detached(input which, const X& objective) {
  row_adaptor adaptor;
  const auto k = static_cast<std::size_t>(which);
  adaptor.rows[k].detached[k] = true;
  return adapt(adaptor, objective);
}

/// The objective with another row in the place of `which`: a second teacher, `substituted(input::teacher,
/// row_mix::of(input::auxiliary), kl{})`; the teacher's own loss, `substituted(input::student, row_mix::of(
/// input::teacher), cross_entropy{})`; an interpolation of rows.
template <row_objective X>
constexpr auto substituted(input which, const row_mix& row, const X& objective) {
  row_adaptor adaptor;
  adaptor.rows[static_cast<std::size_t>(which)] = row;
  return adapt(adaptor, objective);
}

DISTILL_NAMESPACE_END
