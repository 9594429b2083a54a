// A layer beside a shortcut.
#pragma once

#include <type_traits>
#include <utility>

#include "../config.hpp"
#include "add.hpp"
#include "container.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y = branch(x) + shortcut(x), the shortcut being x itself unless it is given; source: K. He, X. Zhang, S. Ren, J.
/// Sun, "Deep residual learning for image recognition", CVPR 2016. Parameters are called "branch.…" and "shortcut.…".
template <class T>
class residual : public container<T> {
 public:
  template <class Branch>
  requires std::is_base_of_v<layer<T>, Branch>
  explicit residual(Branch branch) : container<T>("residual") { this->adopt("branch", std::move(branch)); }
  template <class Branch, class Shortcut>
  requires std::is_base_of_v<layer<T>, Branch> && std::is_base_of_v<layer<T>, Shortcut> residual(Branch branch,
                                                                                                 Shortcut shortcut)
      : residual(std::move(branch)) {
    this->adopt("shortcut", std::move(shortcut));
  }

  /// @throws argument_error  names the layer and both shapes if the branch and the shortcut differ in theirs
  variable forward(tape<T>& t, variable input) const override {
    const variable y = this->child(0).forward(t, input);
    const variable past = this->children() > 1 ? this->child(1).forward(t, input) : input;
    if (t.shape(y) != t.shape(past))
      fail(this->name, ": branch gives ", t.shape(y).text(), ", shortcut ", t.shape(past).text());
    return add(t, y, past);
  }
};

}  // namespace nn
DISTILL_NAMESPACE_END
