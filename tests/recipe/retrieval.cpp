// Recipes of embeddings and rankers beside independent implementations: tests/reference/recipes/{leaf,margin_mse}.py.
#include <limits>

#include <distill/nn/conv2d.hpp>
#include <distill/nn/gradient_check.hpp>
#include <distill/recipe/leaf.hpp>
#include <distill/recipe/margin_mse.hpp>

#include "support.hpp"

namespace recipe_tests {
namespace {

using distill::leaf_options;
using distill::recipes::leaf;
using distill::recipes::margin_mse;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr index width = 7;  // of the teacher's embedding

/// Shows a method another lesson than the course's.
class taught : public distill::recipe<double> {
 public:
  using change = std::function<lesson<double>(lesson<double>, index step)>;
  taught(distill::recipe<double>& method, change other) : method_(method), other_(std::move(other)) {}
  double record(nn::tape<double>& tape, nn::network<double>& student, const lesson<double>& l) override {
    return method_.record(tape, student, other_(l, step_++));
  }
  std::vector<nn::parameter<double>*> parameters() override { return method_.parameters(); }

 private:
  distill::recipe<double>& method_;
  change other_;
  index step_ = 0;
};

void to_unit(double* row, index size) {
  double squares = 0;
  for (index i = 0; i < size; ++i) squares += row[i] * row[i];
  for (index i = 0; i < size && squares > 0; ++i) row[i] /= std::sqrt(squares);
}

/// leaf.py's, of the steps 0 to 3.
std::vector<nn::tensor<double>> embeddings() {
  std::vector<nn::tensor<double>> result;
  for (index step = 0; step < 4; ++step) {
    nn::tensor<double>& t = result.emplace_back(filled({course::in_step, width}, 31 + step));
    t.data()[width] = t.data()[width + 1] = 0;
    std::fill_n(t.data() + 3 * width, width, 0.0);
    for (index r = 0; r < course::in_step; ++r) to_unit(t.data() + r * width, width);
  }
  return result;
}

void follow_leaf(const std::string& name, leaf_options options) {
  options.student_width = course::feature;
  options.teacher_width = width;
  leaf<double> method(std::move(options));
  fill(method.parameters()[0]->value(), 21);
  fill(method.parameters()[1]->value(), 22);
  const auto all = embeddings();
  taught recipe(method, [&](lesson<double> l, index step) {
    l.teacher_feature = nn::tensor_view<const double>(all[static_cast<std::size_t>(step % 4)].view()).matrix();
    return l;
  });
  course c;
  follow(name, recipe, c);
  if (name == "leaf_raw") return;
  nn::tape<double> tape;
  const auto nothing_to_learn = tape.no_gradients();
  const auto y = tape.value(method.embed(tape, c.student, tape.constant(c.at(course::steps).input)));
  CHECK(y.shape == nn::tensor_shape{course::in_step, width});
  CHECK(apart({y.data, y.data + y.size()}, recorded(name).at("embedding")) <= 1e-11);
}

}  // namespace

TEST_CASE("leaf follows PyTorch, with and without dims") {
  follow_leaf("leaf", {});
  follow_leaf("leaf_raw", {.unit_length = false});
  follow_leaf("leaf_matryoshka", {.dims = {2, 5, 7}, .weights = {1, 0.5, 0.25}});
}

TEST_CASE("leaf: an embedding of zeros is compared as it is, and gets no gradient") {
  course c;
  for (const std::vector<index>& dims : {std::vector<index>{}, std::vector<index>{2, 7}}) {
    leaf<double> method({.student_width = course::feature, .teacher_width = width, .dims = dims});
    for (nn::parameter<double>* p : method.parameters()) std::fill_n(p->value().data, p->size(), 0.0);
    lesson<double> l = c.at(0);
    const auto t = embeddings();
    l.teacher_feature = nn::tensor_view<const double>(t[0].view()).matrix();
    nn::tape<double> tape;
    const auto learned = distill::learned_by(method, c.student);
    nn::zero_gradients(learned);
    // Nine of ten teachers are of length 1, the other is 0; of one the first two numbers are 0.
    CHECK(method.record(tape, c.student, l) == doctest::Approx(dims.empty() ? 0.9 : 1.7));
    tape.backward();
    for (const nn::parameter<double>* p : learned)
      for (index i = 0; i < p->size(); ++i) CHECK(p->gradient().data[i] == 0);
    const auto y = tape.value(method.embed(tape, c.student, tape.constant(l.input)));
    CHECK(std::all_of(y.data, y.data + y.size(), [](double v) { return v == 0; }));
  }
}

TEST_CASE("leaf: maps are averaged before they are projected") {
  nn::network<double> student("maps");
  student.add_stage("stage1", nn::conv2d<double>(1, 3, 3, 1));
  student.set_head(nn::linear<double>(3 * 4 * 4, 2, 2));
  leaf<double> method({.student_width = 3, .teacher_width = 2, .seed = 5});
  const auto x = filled({2, 1, 6, 6}, 3), t = filled({2, 2}, 4);
  nn::tape<double> tape;
  CHECK(method.record(tape, student,
                      {.input = x.view(), .teacher_feature = nn::tensor_view<const double>(t.view()).matrix()}) > 0);
  tape.backward();
  CHECK(tape.value(method.embed(tape, student, tape.constant(x.view()))).shape == nn::tensor_shape{2, 2});
}

TEST_CASE("leaf says what is missing") {
  const auto made = [](leaf_options o) { return message_of([&] { leaf<double>{std::move(o)}; }); };
  CHECK(made({}) == "distill: leaf: student_width is 0, teacher_width is 0, at least 1 expected");
  CHECK(made({.student_width = 5, .teacher_width = 7, .dims = {3, 8}}) ==
        "distill: leaf: dims has an entry 8, 1 to teacher_width, 7, expected");
  CHECK(made({.student_width = 5, .teacher_width = 7, .dims = {3}, .weights = {1, 2}}) ==
        "distill: leaf: weights has 2 entries, dims has 1");
  CHECK(made({.student_width = 5, .teacher_width = 7, .dims = {3}, .weights = {-1}}) ==
        "distill: leaf: weights has an entry -1, 0 or a positive number expected");
  CHECK(made({.student_width = 5, .teacher_width = 7, .unit_length = false, .dims = {3}}) ==
        "distill: leaf: dims has 1 entries without unit_length, 0 expected");
  course c;
  nn::tape<double> tape;
  leaf<double> method({.student_width = course::feature, .teacher_width = width});
  CHECK(message_of([&] { method.record(tape, c.student, c.at(0)); }) ==
        "distill: leaf: lesson.teacher_feature is 10 x 5, 10 x 7 expected");
  CHECK(message_of([&] { method.record(tape, c.student, {.input = c.at(0).input}); }) ==
        "distill: leaf: lesson.teacher_feature is 0 x 0, 10 x 7 expected");
  leaf<double> other({.student_width = 4, .teacher_width = 5});
  CHECK(message_of([&] { other.record(tape, c.student, c.at(0)); }) ==
        "distill: leaf: the student's last feature is 10×5, student_width is 4");
}

namespace {

constexpr index groups = 3, documents = 4;

/// margin_mse.py's.
nn::tensor<double> scores(index step) {
  nn::tensor<double> t = filled({groups, documents}, 51 + step % 4, 4);
  t.data()[3] = -inf;
  t.data()[documents + 1] = inf;
  if (step % 4 == 3) t.data()[2 * documents] = -inf;
  return t;
}

}  // namespace

TEST_CASE("margin_mse follows PyTorch, lists of different lengths included") {
  margin_mse<double> method;
  nn::tensor<double> x, t;
  taught recipe(method, [&](lesson<double>, index step) {
    x = filled({groups * (1 + documents), course::inputs}, 41 + step % 4);
    t = scores(step);
    return lesson<double>{.input = x.view(), .teacher = nn::tensor_view<const double>(t.view()).matrix()};
  });
  course c;
  follow("margin_mse", recipe, c, {}, 0.002);
}

TEST_CASE("margin_mse: what is not there has no gradient, and nothing at all is worth 0") {
  course c;
  margin_mse<double> method;
  const auto x = filled({groups * (1 + documents), course::inputs}, 41);
  auto t = scores(0);
  const lesson<double> l{.input = x.view(), .teacher = nn::tensor_view<const double>(t.view()).matrix()};
  nn::tape<double> tape;
  const auto learned = c.student.parameters();
  const auto gradient = [&] {
    nn::zero_gradients(learned);
    const double loss = method.record(tape, c.student, l);
    tape.backward();
    tape.reset();
    std::vector<double> result{loss};
    for (const nn::parameter<double>* p : learned)
      result.insert(result.end(), p->gradient().data, p->gradient().data + p->size());
    return result;
  };
  const std::vector<double> before = gradient();
  CHECK(before[0] > 0);
  std::fill_n(x.data() + 4 * course::inputs, course::inputs, 1.5);  // the document without a score
  CHECK(apart(gradient(), before) <= 1e-15);
  for (index i = 0; i < groups; ++i) t.data()[i * documents] = -inf;
  for (const double v : gradient()) CHECK(v == 0);
  t.data()[1] = std::numeric_limits<double>::quiet_NaN();  // no positive in its row: not looked at
  t.data()[0] = 1;
  CHECK(std::isnan(gradient()[0]));
}

TEST_CASE("margin_mse says what does not fit") {
  course c;
  nn::tape<double> tape;
  margin_mse<double> method;
  CHECK(message_of([&] { method.record(tape, c.student, {.input = c.at(0).input}); }) ==
        "distill: margin_mse: lesson.teacher is 0 x 0, a positive and at least one other score a row expected");
  CHECK(message_of([&] { method.record(tape, c.student, c.at(0)); }) ==
        "distill: margin_mse: lesson.input has 10 rows, 50 expected: 10 queries with 4 documents each");
  const auto t = filled({5, 1}, 1);
  CHECK(message_of([&] {
          method.record(tape, c.student,
                        {.input = c.at(0).input, .teacher = nn::tensor_view<const double>(t.view()).matrix()});
        }) == "distill: margin_mse: lesson.teacher is 5 x 1, a positive and at least one other score a row expected");
}

TEST_CASE("unit_rows and dot_scores differentiate themselves") {
  const auto a = filled({3, 5}, 7), b = filled({3, 4, 5}, 8);
  const auto unit = [](nn::tape<double>& t, std::span<const nn::variable> x) { return nn::unit_rows(t, x[0]); };
  const auto dots = [](nn::tape<double>& t, std::span<const nn::variable> x) { return nn::dot_scores(t, x[0], x[1]); };
  for (const auto& report : {nn::gradient_check(unit, {a.view()}), nn::gradient_check(unit, {b.view()}),
                             nn::gradient_check(dots, {a.view(), b.view()})})
    CHECK_MESSAGE(report.worst < 1e-8, report.text());

  nn::tape<double> tape;
  const nn::tensor<double> x({2, 2});
  x.data()[2] = 0;
  x.data()[3] = -4;
  const nn::variable in = tape.differentiable(x.view()), y = nn::unit_rows(tape, in);
  CHECK(std::vector<double>(tape.value(y).data, tape.value(y).data + 4) == std::vector<double>{0, 0, 0, -1});
  tape.backward(y);
  CHECK(tape.gradient(in).data[0] == 0);
  CHECK(tape.gradient(in).data[1] == 0);
  CHECK(message_of([&] {
          nn::unit_rows(tape, tape.constant(nn::tensor<double>({2, 0}).view()));
        }) == "distill: unit_rows: input is 2×0, …×at least 1 expected");
  CHECK(message_of([&] { nn::dot_scores(tape, tape.constant(b.view()), tape.constant(b.view())); }) ==
        "distill: dot_scores: queries are 3×4×5, documents 3×4×5, n×d and n×m×d expected");
}

}  // namespace recipe_tests
