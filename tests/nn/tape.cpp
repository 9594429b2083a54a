#include <distill/nn/tape.hpp>

#include <distill/nn/gradient_check.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/parameter_list.hpp>
#include <distill/nn/relu.hpp>

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

TEST_CASE("tape: within no_gradients nothing can be differentiated, scopes nest") {
  nn::tape<double> tape;
  nn::linear<double> layer{3, 2, 1};
  const nn::tensor<double> x = random_tensor<double>({4, 3}, 1);
  const nn::variable in = tape.differentiable(x.view());
  const nn::variable before = layer.forward(tape, in);
  {
    const auto outer = tape.no_gradients();
    {
      const auto inner = tape.no_gradients();
      CHECK_FALSE(tape.needs_gradient(layer.forward(tape, in)));
    }
    const nn::variable within = layer.forward(tape, in);
    CHECK_FALSE(tape.needs_gradient(within));
    CHECK_FALSE(tape.needs_gradient(tape.differentiable(x.view())));
    CHECK(tape.read(layer.weight()).gradient == nullptr);
    for (index i = 0; i < 8; ++i) CHECK(tape.value(within).data[i] == tape.value(before).data[i]);
    CHECK_FALSE(tape.needs_gradient(twice(tape, within, before)));
  }
  CHECK(tape.read(layer.weight()).gradient == layer.weight().gradient().data);
  CHECK(tape.needs_gradient(layer.forward(tape, in)));
  quadratic_loss(tape, before);
  tape.backward();
  CHECK(tape.gradient(in));
}

TEST_CASE("tape: no gradient goes back through detach, the other ways stay open") {
  nn::tape<double> tape;
  const nn::tensor<double> x = random_tensor<double>({2, 3}, 1);
  const nn::variable in = tape.differentiable(x.view());
  const nn::variable y = twice(tape, in, in);
  tape.backward(twice(tape, y, tape.detach(y)));
  for (index i = 0; i < 6; ++i) CHECK(tape.gradient(in).data[i] == 2);
  CHECK(tape.value(tape.detach(y)).data == tape.value(y).data);
}

TEST_CASE("tape: a frozen parameter gets no gradient and lets the input's through") {
  nn::sequential<double> model;
  model.add(nn::linear<double>{3, 4, 1});
  model.add(nn::relu<double>{});
  model.add(nn::linear<double>{4, 2, 2});
  const auto parameters = model.parameters();
  const nn::tensor<double> x = random_tensor<double>({5, 3}, 1);
  nn::tape<double> tape;
  const auto input_gradient = [&] {
    nn::zero_gradients(parameters);
    tape.reset();
    const nn::variable in = tape.differentiable(x.view());
    quadratic_loss(tape, model.forward(tape, in));
    tape.backward();
    return std::vector<double>(tape.gradient(in).data, tape.gradient(in).data + x.size());
  };
  const std::vector<double> wanted = input_gradient(), all = nn::flat_gradients(parameters);
  CHECK(nn::freeze(parameters, "2") == 2);
  CHECK(input_gradient() == wanted);
  const std::vector<double> first = nn::flat_gradients(parameters);
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(first[i] == (i < 16 ? all[i] : 0));
  CHECK(nn::unfreeze(parameters, "2.bias") == 1);
  CHECK(input_gradient() == wanted);
  CHECK(nn::flat_gradients(parameters)[24] == all[24]);
  CHECK(nn::freeze(parameters) == 4);
  CHECK(input_gradient() == wanted);
  const std::vector<double> none = nn::flat_gradients(parameters);
  CHECK(std::all_of(none.begin(), none.end(), [](double g) { return g == 0; }));
}

TEST_CASE("tape: a network as a function of parameters that lie elsewhere") {
  nn::sequential<double> model;
  model.add(nn::linear<double>{3, 4, 1});
  model.add(nn::relu<double>{});
  model.add(nn::linear<double>{4, 2, 2});
  const auto parameters = model.parameters();
  const nn::tensor<double> x = random_tensor<double>({5, 3}, 1), other = random_tensor<double>({26}, 7);
  const std::vector<double> own = nn::flat_values(parameters);
  nn::tape<double> tape;
  const auto loss = [&] {
    return *tape.value(quadratic_loss(tape, model.forward(tape, tape.constant(x.view())))).data;
  };

  nn::assign_values(parameters, std::span<const double>(other.data(), 26));
  const double value = loss();
  tape.backward();
  const std::vector<double> gradient = nn::flat_gradients(parameters);
  nn::assign_values(parameters, own);
  nn::zero_gradients(parameters);
  tape.reset();

  nn::tensor<double> to({26});
  nn::freeze(parameters, "0");  // which does not concern what stands in its place
  const double plain = loss();
  {
    const auto outer = tape.substitute(parameters, other.view(), to.view());
    CHECK(loss() == value);
    {
      const auto inner = tape.substitute(std::span(parameters).first(2),
                                         nn::tensor_view<const double>(own.data(), nn::tensor_shape{16}));
      CHECK(tape.read(*parameters[0]).value == own.data());
      CHECK(tape.read(*parameters[0]).gradient == nullptr);
      CHECK(tape.read(*parameters[2]).value == other.data() + 16);
    }
    CHECK(tape.read(*parameters[0]).value == other.data());
  }
  CHECK(loss() == plain);
  tape.reset();
  {
    const auto scope = tape.substitute(parameters, other.view(), to.view());
    loss();
  }
  tape.backward();  // after the scope: layers keep what they read
  for (std::size_t i = 0; i < 26; ++i) CHECK(to.data()[i] == gradient[i]);
  const std::vector<double> untouched = nn::flat_gradients(parameters);
  CHECK(std::all_of(untouched.begin(), untouched.end(), [](double g) { return g == 0; }));

  const nn::tensor<double> small({25});
  CHECK(message_of([&] { const auto scope = tape.substitute(parameters, small.view()); }) ==
        "distill: tape::substitute: values has 25 elements, the parameters have 26");
  CHECK(message_of([&] { const auto scope = tape.substitute(parameters, other.view(), small.view()); }) ==
        "distill: tape::substitute: gradients has 25 elements, the parameters have 26");
}

TEST_CASE("tape: modes, and a noise number that counts training steps") {
  nn::tape<float> tape;
  CHECK(tape.training());
  CHECK(tape.noise() == 0);
  tape.reset();
  CHECK(tape.noise() == 1);
  tape.evaluate();
  CHECK_FALSE(tape.training());
  tape.reset();
  CHECK(tape.noise() == 1);  // evaluation in between does not change what training draws
  tape.train();
  CHECK(tape.noise() == 1);
  tape.train(7);
  tape.reset();
  CHECK(tape.noise() == 8);
}

TEST_CASE("tape: an operation with nine inputs") {
  nn::tape<double> tape;
  std::vector<nn::tensor<double>> data;
  std::vector<nn::variable> inputs;
  for (std::uint64_t k = 0; k < 9; ++k) {
    data.push_back(random_tensor<double>({3}, k));
    inputs.push_back(k == 4 ? tape.constant(data[k].view()) : tape.differentiable(data[k].view()));
  }
  const nn::tensor_view<double> sum = tape.allocate({3});  // Σ k x_k
  for (index i = 0; i < 3; ++i) {
    sum.data[i] = 0;
    for (std::size_t k = 0; k < 9; ++k) sum.data[i] += static_cast<double>(k) * data[k].data()[i];
  }
  const nn::variable y =
      tape.record(sum, std::span<const nn::variable>(inputs), [](nn::tape<double>& on, nn::variable self) {
        for (std::size_t k = 0; k < 9; ++k)
          if (const nn::gradient_slot<double> slot = on.claim_gradient(on.input(self, k)))
            for (index i = 0; i < 3; ++i)
              slot.view.data[i] =
                  static_cast<double>(k) * on.gradient(self).data[i] + (slot.accumulate ? slot.view.data[i] : 0);
      });
  tape.backward(y, 2.0);
  for (std::size_t k = 0; k < 9; ++k) {
    CHECK(static_cast<bool>(tape.gradient(inputs[k])) == (k != 4));
    if (k != 4) CHECK(tape.gradient(inputs[k]).data[2] == 2.0 * static_cast<double>(k));
  }
}

TEST_CASE("parameter_list: by name, by part, as one vector") {
  nn::sequential<float> model;
  model.add(nn::linear<float>{2, 3, 1});
  for (int i = 0; i < 10; ++i) model.add(nn::linear<float>{3, 3, 2});
  const auto parameters = model.parameters();
  CHECK(nn::count_elements(parameters) == 9 + 10 * 12);
  CHECK(&nn::find_parameter(parameters, "10.bias") == parameters.back());
  CHECK(nn::freeze(parameters, "1") == 2);  // not 10
  CHECK(nn::find_parameter(parameters, "10.bias").trainable);
  CHECK_FALSE(nn::find_parameter(parameters, "1.bias").trainable);
  CHECK(message_of([&] { nn::freeze(parameters, "11"); }) == "distill: set_trainable: no parameter lies in \"11\"");
  nn::sequential<float> one;
  one.add(nn::linear<float>{1, 1, 1});
  CHECK(message_of([&] { nn::find_parameter(one.parameters(), "weight"); }) ==
        "distill: find_parameter: no parameter is called \"weight\"; there are: 0.weight, 0.bias");
  std::vector<float> values{3, 4};
  nn::assign_values(one.parameters(), values);
  CHECK(nn::flat_values(one.parameters()) == values);
  values.push_back(5);
  CHECK(message_of([&] { nn::assign_values(one.parameters(), values); }) ==
        "distill: assign_values: values has 3 elements, the parameters have 2");
  CHECK_THROWS_AS(nn::copy_values(one.parameters(), values), argument_error);
  CHECK_THROWS_AS(nn::copy_gradients(one.parameters(), values), argument_error);
}

namespace {
/// y = a b², and what may go wrong with it.
template <int Mistake>
nn::variable product_node(nn::tape<double>& tape, nn::variable a, nn::variable b) {
  const nn::tensor_view<double> y = tape.allocate(tape.shape(a));
  for (index i = 0; i < y.size(); ++i)
    y.data[i] = tape.value(a).data[i] * tape.value(b).data[i] * tape.value(b).data[i];
  return tape.record(y, {a, b}, [](nn::tape<double>& on, nn::variable self) {
    const double *x = on.value(on.input(self, 0)).data, *z = on.value(on.input(self, 1)).data;
    const nn::tensor_view<double> da = on.zeroed_gradient(on.input(self, 0)),
                                  db = on.zeroed_gradient(on.input(self, 1));
    for (index i = 0; i < da.size(); ++i) {
      const double dy = on.gradient(self).data[i];
      da.data[i] += dy * z[i] * z[i];
      if (Mistake == 0) db.data[i] += 2 * dy * x[i] * z[i];
      if (Mistake == 1) db.data[i] += (i == 3 ? 2.001 : 2) * dy * x[i] * z[i];
      if (Mistake == 2) db.data[i] = 2 * dy * x[i] * z[i];
      if (Mistake == 3) db.data[i] += i == 1 ? std::numeric_limits<double>::quiet_NaN() : 2 * dy * x[i] * z[i];
    }
  });
}
template <int Mistake>
nn::gradient_report checked() {
  const nn::tensor<double> a = random_tensor<double>({2, 3}, 1), b = random_tensor<double>({2, 3}, 2);
  return nn::gradient_check(
      [](nn::tape<double>& t, std::span<const nn::variable> x) { return product_node<Mistake>(t, x[0], x[1]); },
      {a.view(), b.view()});
}
}  // namespace

TEST_CASE("gradient_check: finds the element that is wrong, and writing in the place of adding") {
  CHECK(checked<0>().worst < 1e-10);
  const nn::gradient_report wrong = checked<1>();
  CHECK(wrong.worst > 1e-5);
  CHECK(wrong.where == "input 1");
  CHECK(wrong.element == 3);
  CHECK(wrong.text().find("input 1[3]: ") == 0);
  CHECK(checked<2>().worst > 0.4);
  const nn::gradient_report invalid = checked<3>();
  CHECK(std::isnan(invalid.worst));
  CHECK(invalid.element == 1);

  nn::linear<double> layer{3, 2, 1};
  layer.bias().gradient().data[1] = 5;
  const nn::tensor<double> x = random_tensor<double>({4, 3}, 1);
  const nn::gradient_report right = nn::gradient_check(layer, x.view());
  CHECK_MESSAGE(right.worst < 1e-10, right.text());
  CHECK(layer.bias().gradient().data[1] == 5);
  CHECK_THROWS_AS(nn::gradient_check(layer, x.view(), {.step = 0}), argument_error);
  CHECK_THROWS_AS(nn::gradient_check(layer, x.view(), {.projections = 0}), argument_error);
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
