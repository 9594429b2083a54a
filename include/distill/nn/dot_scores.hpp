// What queries and documents have in common, as two towers see it.
#pragma once

#include "../config.hpp"
#include "../core/parallel.hpp"
#include "../dense/product.hpp"
#include "tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// y[i, k] = ⟨q_i, p_ik⟩: every query with m documents of its own, from n×d and n×m×d to n×m.
/// dq_i = Σ_k dy_ik p_ik, dp_ik = dy_ik q_i. @throws argument_error  other shapes
template <class T>
variable dot_scores(tape<T>& t, variable queries, variable documents) {
  const tensor_view<const T> q = t.value(queries), p = t.value(documents);
  if (q.shape.rank() != 2 || p.shape.rank() != 3 || p.shape[0] != q.shape[0] || p.shape[2] != q.shape[1])
    fail("dot_scores: queries are ", q.shape.text(), ", documents ", p.shape.text(), ", n×d and n×m×d expected");
  const index n = p.shape[0], m = p.shape[1], d = p.shape[2];
  const tensor_view<T> y = t.allocate({n, m});
  parallel_for(n, t.threads(p.size()), [&](index i, int) {
    product(matrix_view<const T>(p.data + i * m * d, m, d), transposed(matrix_view<const T>(q.data + i * d, 1, d)),
            matrix_view<T>(y.data + i * m, m, 1));
  });
  return t.record(y, {queries, documents}, [=](tape<T>& on, variable self) {
    const gradient_slot<T> dq = on.claim_gradient(on.input(self, 0)), dp = on.claim_gradient(on.input(self, 1));
    const T* const dy = on.gradient(self).data;
    parallel_for(n, on.threads(p.size()), [&](index i, int) {
      const matrix_view<const T> row(dy + i * m, 1, m), query(q.data + i * d, 1, d);
      if (dq) {
        const matrix_view<T> to(dq.view.data + i * d, 1, d);
        product(row, matrix_view<const T>(p.data + i * m * d, m, d), to,
                dq.accumulate ? matrix_view<const T>(to) : matrix_view<const T>());
      }
      if (dp) {
        const matrix_view<T> to(dp.view.data + i * m * d, m, d);
        product(transposed(row), query, to, dp.accumulate ? matrix_view<const T>(to) : matrix_view<const T>());
      }
    });
  });
}

}  // namespace nn
DISTILL_NAMESPACE_END
