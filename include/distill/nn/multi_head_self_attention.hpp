// Every token looks at every token.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "../config.hpp"
#include "../core/random.hpp"
#include "../dense/product.hpp"
#include "attention_mask.hpp"
#include "container.hpp"
#include "detail/softmax_row.hpp"
#include "dropout.hpp"
#include "linear.hpp"
#include "reshape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace nn {

/// The probability with which an entry of the maps is left out in training, as `dropout` does.
struct attention_options {
  double dropout = 0;
};

/// For x of shape batch × tokens × width, and in each of `heads` parts of width d = width/heads:
///   q, k, v = x W_in + b_in,   A = softmax(q kᵀ/√d + mask) (rows: the tokens that look),   y = (A v) W_out + b_out;
/// source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, §3.2.
///
/// Parameters: in.weight of width × 3 width, its columns q, k and v, each with the heads side by side; in.bias;
/// out.weight of width × width; out.bias. They are PyTorch's in_proj_weight, in_proj_bias, out_proj.weight and
/// out_proj.bias, the weights transposed. Weights start Xavier-uniform, those of q, k and v each for itself, biases at
/// zero. A token that may look at nothing (a row of A that is masked throughout) gets A v = 0 and hands no gradient on.
template <class T>
class multi_head_self_attention : public container<T> {
 public:
  /// What attend() gives: y, and A of shape batch × heads × tokens × tokens, both differentiable.
  struct result {
    variable output, maps;
  };

  /// @throws argument_error  width no multiple of heads, one of them below 1, what dropout throws
  multi_head_self_attention(index width, index heads, std::uint64_t seed, attention_options options = {})
      : container<T>("multi_head_self_attention(" + std::to_string(width) + ", " + std::to_string(heads) + ")"),
        width_(width),
        heads_(heads) {
    if (heads < 1 || width < 1 || width % heads != 0)
      fail("multi_head_self_attention: width is ", width, ", a multiple of heads, ", heads, ", expected");
    const random_stream seeds(seed);
    linear<T> in(width, 3 * width, seeds.bits(0), initialisation::zeros);
    // Columns of q, k and v are drawn as if each were a layer: fan_out is that of one of them.
    initialise(in.weight().value(), initialisation::xavier_uniform, width, random_stream(seeds.bits(0)), width);
    in_ = &this->adopt("in", std::move(in));
    out_ = &this->adopt("out", linear<T>(width, width, seeds.bits(1), initialisation::xavier_uniform));
    drop_ = &this->adopt("drop", dropout<T>(options.dropout, seed));
  }

  parameter<T>& in_weight() { return in_->weight(); }
  parameter<T>& in_bias() { return in_->bias(); }
  parameter<T>& out_weight() { return out_->weight(); }
  parameter<T>& out_bias() { return out_->bias(); }

  variable forward(tape<T>& t, variable input) const override { return attend(t, input).output; }
  /// With the maps beside the output, for objectives on relations between tokens.
  /// @throws argument_error  an input or a mask of another shape
  result attend(tape<T>& t, variable input, const attention_mask<T>& mask = {}) const {
    const tensor_shape shape = t.shape(input);
    if (shape.rank() != 3 || shape[2] != width_) this->fail_shape(shape, "batch×tokens×" + std::to_string(width_));
    const index batch = shape[0], tokens = shape[1];
    if (mask.pairs && mask.pairs.shape != tensor_shape{tokens, tokens})
      fail(this->name, ": mask.pairs is ", mask.pairs.shape.text(), ", ", tokens, "×", tokens, " expected");
    if (mask.keys && mask.keys.shape != tensor_shape{batch, tokens})
      fail(this->name, ": mask.keys is ", mask.keys.shape.text(), ", ", batch, "×", tokens, " expected");
    const geometry g{batch, tokens, heads_, width_};
    const variable qkv = in_->forward(t, reshape(t, input, {batch * tokens, width_}));
    const variable maps = look(t, qkv, g, mask);
    const variable mixed = mix(t, drop_->forward(t, maps), qkv, g);
    return {reshape(t, out_->forward(t, mixed), shape), maps};
  }

 private:
  /// Where the parts of q, k, v and of the mixture lie.
  struct geometry {
    index batch, tokens, heads, width;

    index depth() const { return width / heads; }
    index pairs() const { return batch * heads; }
    index work() const { return pairs() * tokens * tokens * (depth() + 8); }
    /// Part 0, 1, 2: q, k, v of one sample and head.
    template <class U>
    matrix_view<U> part(U* qkv, index pair, index which) const {
      const index n = pair / heads, head = pair % heads;
      return {qkv + n * tokens * 3 * width + which * width + head * depth(), tokens, depth(), 3 * width};
    }
    template <class U>
    matrix_view<U> mixture(U* y, index pair) const {
      const index n = pair / heads, head = pair % heads;
      return {y + n * tokens * width + head * depth(), tokens, depth(), width};
    }
    template <class U>
    matrix_view<U> map(U* maps, index pair) const {
      return {maps + pair * tokens * tokens, tokens, tokens};
    }
    T scale() const { return static_cast<T>(1 / std::sqrt(static_cast<double>(depth()))); }
  };

  /// A
  static variable look(tape<T>& t, variable qkv, const geometry& g, const attention_mask<T>& mask) {
    const T* from = t.value(qkv).data;
    const tensor_view<T> maps = t.allocate({g.batch, g.heads, g.tokens, g.tokens});
    parallel_for(g.pairs(), t.threads(g.work()), [&](index pair, int) {
      const matrix_view<T> scores = g.map(maps.data, pair);
      product(g.part(from, pair, 0), transposed(g.part(from, pair, 1)), scores, {}, {}, g.scale());
      for (index i = 0; i < g.tokens; ++i) {
        if (mask.pairs) distill::detail::add_to(scores.row(i), mask.pairs.data + i * g.tokens, g.tokens);
        if (mask.keys) distill::detail::add_to(scores.row(i), mask.keys.data + pair / g.heads * g.tokens, g.tokens);
        detail::softmax_row(scores.row(i), g.tokens, scores.row(i));
      }
    });
    return t.record(maps, {qkv}, [g](tape<T>& on, variable self) { look_back(on, self, g); });
  }
  /// dS = A ⊙ (dA − ⟨A, dA⟩)/√d, dq += dS k, dk += dSᵀ q
  static void look_back(tape<T>& t, variable self, const geometry& g) {
    const variable input = t.input(self, 0);
    T* to = t.zeroed_gradient(input).data;
    const T *from = t.value(input).data, *maps = t.value(self).data, *given = t.gradient(self).data;
    const arena::position start = t.memory().mark();
    const int threads = t.threads(g.work());
    const index size = g.tokens * g.tokens;
    T* scratch = t.memory().template take<T>(size * threads);
    parallel_for(g.pairs(), threads, [&](index pair, int thread) {
      const matrix_view<T> slope(scratch + thread * size, g.tokens, g.tokens);
      for (index i = 0; i < g.tokens; ++i)
        detail::softmax_row_back(g.map(maps, pair).row(i), g.map(given, pair).row(i), g.tokens, g.scale(), slope.row(i),
                                 false);
      const matrix_view<T> dq = g.part(to, pair, 0), dk = g.part(to, pair, 1);
      product(slope, g.part(from, pair, 1), dq, dq);
      product(transposed(slope), g.part(from, pair, 0), dk, dk);
    });
    t.memory().rewind(start);
  }

  /// A v of every head, side by side: (batch · tokens) × width
  static variable mix(tape<T>& t, variable maps, variable qkv, const geometry& g) {
    const T *from = t.value(qkv).data, *weights = t.value(maps).data;
    const tensor_view<T> y = t.allocate({g.batch * g.tokens, g.width});
    parallel_for(g.pairs(), t.threads(g.work()), [&](index pair, int) {
      product(g.map(weights, pair), g.part(from, pair, 2), g.mixture(y.data, pair));
    });
    return t.record(y, {maps, qkv}, [g](tape<T>& on, variable self) { mix_back(on, self, g); });
  }
  /// dA = dy vᵀ, dv += Aᵀ dy
  static void mix_back(tape<T>& t, variable self, const geometry& g) {
    const variable maps = t.input(self, 0), qkv = t.input(self, 1);
    const T *from = t.value(qkv).data, *weights = t.value(maps).data, *dy = t.gradient(self).data;
    T* to = t.zeroed_gradient(qkv).data;
    const gradient_slot<T> slot = t.claim_gradient(maps);
    parallel_for(g.pairs(), t.threads(g.work()), [&](index pair, int) {
      if (slot) {
        const matrix_view<T> da = g.map(slot.view.data, pair);
        product(g.mixture(dy, pair), transposed(g.part(from, pair, 2)), da,
                slot.accumulate ? matrix_view<const T>(da) : matrix_view<const T>());
      }
      if (to == nullptr) return;
      const matrix_view<T> dv = g.part(to, pair, 2);
      product(transposed(g.map(weights, pair)), g.mixture(dy, pair), dv, dv);
    });
  }

  index width_, heads_;
  linear<T>* in_;
  linear<T>* out_;
  const dropout<T>* drop_;
};

}  // namespace nn
DISTILL_NAMESPACE_END
