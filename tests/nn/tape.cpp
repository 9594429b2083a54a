#include <distill/nn/tape.hpp>

#include <distill/nn/linear.hpp>

#include "support.hpp"

namespace nn_tests {

namespace {
/// y = x + x, written as a user would: two inputs that are the same variable.
nn::variable twice(nn::tape<double>& tape, nn::variable a, nn::variable b) {
  const nn::tensor_view<double> sum = tape.allocate(tape.shape(a));
  for (index i = 0; i < sum.size(); ++i) sum.data[i] = tape.value(a).data[i] + tape.value(b).data[i];
  return tape.record(sum, {a, b}, [](nn::tape<double>& on, nn::variable self) {
    for (const std::size_t which : {0u, 1u}) {
      const nn::tensor_view<double> to = on.zeroed_gradient(on.input(self, which));
      for (index i = 0; i < to.size(); ++i) to.data[i] += on.gradient(self).data[i];
    }
  });
}
}  // namespace

TEST_CASE("arena: aligned, reused after reset and rewind, a repeated sequence takes the same memory") {
  nn::arena arena;
  std::vector<void*> first;
  for (int round = 0; round < 3; ++round) {
    std::size_t at = 0;
    for (const index count : {1, 100, 300000, 7, 500000, 0, 3}) {
      float* p = arena.take<float>(count);
      CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
      if (round == 0)
        first.push_back(p);
      else
        CHECK(first[at] == p);
      ++at;
    }
    arena.reset();
  }
  const index held = arena.capacity();
  arena.take<char>(10);
  const nn::arena::position here = arena.mark();
  void* next = arena.take<char>(10);
  arena.rewind(here);
  CHECK(arena.take<char>(10) == next);
  CHECK(arena.capacity() == held);
}

TEST_CASE("tape: a variable used several times adds up its gradients, 100000 nodes deep") {
  nn::tape<double> tape;
  const nn::tensor<double> x = random_tensor<double>({2, 3}, 1);
  const nn::variable in = tape.differentiable(x.view());
  nn::variable y = twice(tape, in, in);
  y = twice(tape, y, in);
  tape.backward(y, 2.0);
  for (index i = 0; i < 6; ++i) CHECK(tape.gradient(in).data[i] == 6);
  tape.backward(y);  // a second sweep starts afresh
  for (index i = 0; i < 6; ++i) CHECK(tape.gradient(in).data[i] == 3);

  tape.reset();
  const nn::tensor<double> one({1});
  const nn::variable start = tape.differentiable(one.view());
  nn::variable deep = start;
  for (int i = 0; i < 100000; ++i) deep = twice(tape, deep, tape.constant(one.view()));
  tape.backward(deep);
  CHECK(*tape.gradient(start).data == 1);
}

TEST_CASE("tape: backward() differentiates the sum of all losses") {
  nn::tape<double> tape;
  const nn::tensor<double> x = random_tensor<double>({4}, 1);
  const nn::variable in = tape.differentiable(x.view());
  quadratic_loss(tape, in);
  quadratic_loss(tape, in);
  tape.backward();
  for (index i = 0; i < 4; ++i)
    CHECK(tape.gradient(in).data[i] == doctest::Approx(2 * (coefficient<double>(i) + x.data()[i])));
}

TEST_CASE("tape: constants get no gradient, backward functions nobody needs are dropped") {
  nn::tape<double> tape;
  const nn::tensor<double> x = random_tensor<double>({2, 3}, 1);
  const nn::variable data = tape.constant(x.view());
  const nn::variable y = twice(tape, data, data);
  CHECK_FALSE(tape.needs_gradient(y));
  nn::linear<double> layer{3, 2, 1};
  const nn::variable z = layer.forward(tape, data);
  CHECK(tape.needs_gradient(z));
  quadratic_loss(tape, z);
  tape.backward();
  CHECK_FALSE(tape.gradient(data));
  CHECK(tape.gradient(z));
  for (nn::parameter<double>* p : layer.parameters()) p->trainable = false;
  CHECK_FALSE(tape.needs_gradient(layer.forward(tape, data)));
}

TEST_CASE("tape: give_gradient keeps the first and adds the second") {
  nn::tape<double> tape;
  const nn::tensor<double> x({2});
  const nn::variable in = tape.differentiable(x.view());
  for (const double value : {2.0, 3.0}) {
    const nn::tensor_view<double> gradient = tape.allocate({2});
    gradient.data[0] = gradient.data[1] = value;
    tape.record_loss(0, {in}, [gradient](nn::tape<double>& on, nn::variable self) {
      on.give_gradient(on.input(self, 0), gradient);
    });
  }
  tape.backward();
  CHECK(tape.gradient(in).data[0] == 5);
  CHECK(tape.gradient(in).data[1] == 5);
}

TEST_CASE("tape: misuse is reported") {
  nn::tape<double> tape;
  const nn::tensor<double> x({2, 2});
  const nn::variable old = tape.constant(x.view());
  CHECK(message_of([&] { tape.backward(); }) == "distill: tape::backward: no loss was recorded");
  tape.reset();
  CHECK(message_of([&] { tape.value(old); }) ==
        "distill: tape: variable 0 of step 0 used in step 1, which has 0 nodes");
  CHECK(message_of([&] { tape.value(nn::variable{}); }).find("variable -1") != std::string::npos);
  const matrix_view<const double> strided(x.data(), 2, 1, 2);
  CHECK_THROWS_AS(nn::tensor_view<const double>{strided}, argument_error);
  CHECK_THROWS_AS((nn::tensor_shape{1, 2, 3, 4, 5}), argument_error);
  CHECK_THROWS_AS((nn::tensor_shape{1, -2}), argument_error);
}

}  // namespace nn_tests
