// A divergence in the rows that have a label.
#pragma once

#include "labels.hpp"
#include "target_class.hpp"

DISTILL_NAMESPACE_BEGIN
namespace detail {

/// L in the rows that have a label.
template <row_leaf L>
struct labelled : L {
  index ignore_index = -100;

  bool counts(index label) const { return label != ignore_index; }
  void validate_label(index row, index label, index columns) const { require_label(row, label, columns, ignore_index); }
};

/// The same with both softmaxes taken without the label's class.
template <row_leaf L>
struct rest_of : labelled<L> {
  site_pair sites() const { return rest_sites(this->temperature); }
};

}  // namespace detail
DISTILL_NAMESPACE_END
