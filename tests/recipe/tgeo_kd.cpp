// TGeo-KD beside tests/reference/recipes/tgeo_kd.py, and its hypergradient beside differences of the whole inner step.
#include <distill/recipe/tgeo_kd.hpp>
#include <distill/state/add_probabilities.hpp>

#include <numeric>
#include <optional>

#include "support.hpp"

namespace recipe_tests {
namespace {

using method_type = distill::recipes::tgeo_kd<double>;
using distill::dual;
using distill::geometry_form;
using distill::recipes::tgeo_kd_options;
using options_type = tgeo_kd_options;

/// The course, its teacher's class means, seven samples to judge by, and a student over dual numbers.
struct setting {
  course c;
  distill::class_means<double> means{course::classes, course::classes};
  nn::tensor<double> x = filled({7, course::inputs}, 21);
  std::vector<int> y;
  nn::network<dual<double>> twin =
      nn::mlp<dual<double>>({.inputs = course::inputs, .hidden = {8, course::feature}, .outputs = course::classes});
  std::optional<method_type> method;

  explicit setting(const options_type& options, bool exact = true) {
    distill::add_probabilities(means, c.teacher.view().matrix(), c.guesses);
    for (int i = 0; i < 7; ++i) y.push_back(i == 4 ? lesson<double>::unlabelled : (i * i + 1) % course::classes);
    method.emplace(
        options, means.means(), [this] { return unseen(); }, exact ? &twin : nullptr);
    index seed = 31;
    for (nn::parameter<double>* p : method->ratio()->parameters()) fill(p->value(), seed++, 0.25);
  }
  lesson<double> unseen() const { return {.input = x.view(), .labels = y}; }
};

options_type compact(double rate = 0.01) {
  return {.temperature = 2,
          .look_ahead = 0.2,
          .form = geometry_form::sides_and_angles,
          .ratio = {.rate = rate, .weight_decay = 0}};
}

void follow_both(const std::string& name, setting& s, double bound) {
  const auto head_slope = [&] {
    const nn::tensor_view<double> g = s.method->ratio()->parameters()[4]->gradient();
    return std::vector<double>(g.data, g.data + g.size());
  };
  follow(name, *s.method, s.c,
         {{"alpha", [&] { return std::vector<double>(s.method->ratios().begin(), s.method->ratios().end()); }},
          {"outer", [&] { return std::vector<double>{s.method->validation_loss()}; }},
          {"head_slope", head_slope}},
         0.05, bound);
  CHECK(apart(nn::flat_values(s.method->ratio()->parameters()), recorded(name).at("ratio_last")) <= bound);
}

}  // namespace

TEST_CASE("tgeo_kd follows a second implementation that differentiates through the step") {
  setting published({});
  follow_both("tgeo_kd", published, 1e-11);
  setting sides(compact());
  follow_both("tgeo_kd_sides", sides, 1e-11);
  course c;
  method_type fixed({.fixed_ratio = 0.75});
  follow("tgeo_kd_fixed", fixed, c);
  CHECK(fixed.ratio() == nullptr);
}
TEST_CASE("tgeo_kd without a twin follows as closely as differences allow") {
  setting published({}, false);
  follow_both("tgeo_kd", published, 1e-7);
  setting sides(compact(), false);
  follow_both("tgeo_kd_sides", sides, 1e-7);
}

TEST_CASE("tgeo_kd: dJ/dω is that of the whole inner step") {
  // Perturbs ω, takes the step with other parts of the library, and judges.
  const auto outer_after = [](setting& s, const options_type& options, const lesson<double>& at) {
    course copy;
    const auto student = copy.student.parameters();
    distill::geometry_features<double> features(s.means.means(), options.form);
    nn::tensor<double> seen({course::in_step, features.width()});
    nn::tape<double> tape;
    const nn::variable logits = copy.student.forward(tape, tape.constant(at.input));
    features(tape.value(logits).matrix(), at.teacher, at.classes, seen.view().matrix());
    const std::span<const double> alpha = s.method->ratio()->decide(seen.view());
    const std::vector<double> teachers(alpha.begin(), alpha.end());
    const auto loss = distill::row_parameter(teachers) * distill::kl{.temperature = options.temperature} +
                      distill::row_parameter(teachers).complement() * distill::cross_entropy{};
    nn::criterion<double, std::remove_const_t<decltype(loss)>> criterion(loss);
    criterion(tape, logits, {.teacher = at.teacher, .labels = at.classes});
    tape.backward();
    nn::sgd<double>().step(student, options.look_ahead);
    tape.reset();
    const auto told = [&](nn::variable z) {
      double sum = 0;
      for (index i = 0; i < 7; ++i) {
        if (s.y[std::size_t(i)] < 0) continue;
        const double* row = tape.value(z).data + i * course::classes;
        double whole = 0;
        for (index c = 0; c < course::classes; ++c) whole += std::exp(row[c]);
        sum += std::log(whole) - row[s.y[std::size_t(i)]];
      }
      return sum / 6;
    };
    return told(copy.student.forward(tape, tape.constant(s.x.view())));
  };
  for (const bool exact : {true, false})
    for (const options_type& options : {compact(), options_type{.look_ahead = 1}}) {
      setting s(options, exact);
      const lesson<double> at = s.c.at(2);
      const auto omega = s.method->ratio()->parameters();
      const std::vector<double> before = nn::flat_values(omega);
      nn::tape<double> tape;
      s.method->record(tape, s.c.student, at);
      const std::vector<double> gradient = nn::flat_gradients(omega);
      nn::assign_values(omega, before);
      std::vector<double> found, wanted;
      double largest = 0;
      for (const double g : gradient) largest = std::max(largest, std::abs(g));
      std::size_t k = 0;
      for (nn::parameter<double>* p : omega)
        for (index i = 0; i < p->size(); ++i, ++k) {
          if (p->size() > 40 && i % 23 != 0) continue;
          const double kept = p->value().data[i];
          const auto moved = [&](double by) {
            p->value().data[i] = kept + by;
            const double j = outer_after(s, options, at);
            p->value().data[i] = kept;
            return j;
          };
          constexpr double h = 1e-5;
          wanted.push_back((8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h) / largest);
          found.push_back(gradient[k] / largest);
        }
      CHECK(apart(found, wanted) <= 1e-8);
    }
}

TEST_CASE("tgeo_kd: a saturated ratio is bounded, moves by its decay alone, and takes samples out") {
  setting s({.ratio = {.rate = 0.1, .weight_decay = 0}});
  nn::parameter<double>& last = *s.method->ratio()->parameters()[5];
  for (const double far : {1e4, -1e4}) {
    const std::vector<double> before = nn::flat_values(s.method->ratio()->parameters());
    last.value().data[0] = far;
    nn::tape<double> tape;
    s.method->record(tape, s.c.student, s.c.at(0));
    for (const double alpha : s.method->ratios())
      CHECK(alpha == doctest::Approx(1 / (1 + std::exp(far > 0 ? -30 : 30))).epsilon(1e-15));
    for (const double g : nn::flat_gradients(s.method->ratio()->parameters())) CHECK(g == 0);
    last.value().data[0] = before.back();
    CHECK(nn::flat_values(s.method->ratio()->parameters()) == before);
  }
  // α = 0 and α = 1 are the labels' loss and the teacher's, whatever the other one is.
  course c;
  std::fill_n(c.teacher.data(), c.teacher.size(), NAN);
  method_type labels({.fixed_ratio = 0}), teacher({.temperature = 2, .fixed_ratio = 1});
  nn::tape<double> tape;
  CHECK(std::isfinite(labels.record(tape, c.student, c.at(0))));
  course d;
  const nn::variable z = d.student.forward(tape, tape.constant(d.at(1).input));
  const double wanted =
      distill::value(distill::kl{.temperature = 2},
                     distill::batch<double>{.student = tape.value(z).matrix(), .teacher = d.at(1).teacher})
          .value;
  CHECK(teacher.record(tape, d.student, d.at(1)) == doctest::Approx(wanted).epsilon(1e-14));
}

TEST_CASE("tgeo_kd: the same bits twice, and with two threads; batches of several sizes") {
  const auto trained = [](int threads) {
    setting s(compact());
    const auto learned = distill::learned_by(*s.method, s.c.student);
    CHECK(learned.size() == s.c.student.parameters().size());  // ω learns by itself
    nn::sgd<double> optimiser;
    nn::tape<double> tape({threads});
    for (index step = 0; step < 6; ++step) {
      lesson<double> part = s.c.at(step);
      const index n = step % 2 == 0 ? course::in_step : 3;
      part.input = {part.input.data, {n, course::inputs}};
      part.classes = std::span(s.c.guesses).subspan(0, std::size_t(n));
      part.teacher.rows = n;
      distill::learn(*s.method, s.c.student, learned, part, optimiser, 0.1, tape);
      CHECK(s.method->ratios().size() == std::size_t(n));
    }
    std::vector<double> all = nn::flat_values(learned), omega = nn::flat_values(s.method->ratio()->parameters());
    all.insert(all.end(), omega.begin(), omega.end());
    return all;
  };
  const std::vector<double> once = trained(1);
  CHECK(once == trained(1));
  CHECK(once == trained(2));
}

TEST_CASE("tgeo_kd: what cannot be") {
  const auto refused = [](const options_type& options) { return message_of([&] { setting s(options); }); };
  CHECK(refused({}) == "no error");
  CHECK(refused({.temperature = 0}) == "distill: tgeo_kd: temperature is 0, finite and above 0 expected");
  CHECK(refused({.look_ahead = -1}) == "distill: tgeo_kd: look_ahead is -1, finite and above 0 expected");
  CHECK(refused({.look_ahead = INFINITY}) == "distill: tgeo_kd: look_ahead is inf, finite and above 0 expected");
  CHECK(refused({.fixed_ratio = 1.5}) == "distill: tgeo_kd: fixed_ratio is 1.5, 0 to 1 expected");
  CHECK(refused({.fixed_ratio = NAN}) == "distill: tgeo_kd: fixed_ratio is nan, 0 to 1 expected");
  CHECK(refused({.ratio = {.rate = 0}}) == "distill: ratio_network: rate is 0, positive and finite expected");
  CHECK(refused({.ratio = {.weight_decay = -1}}) == "distill: adam: weight_decay is -1, at least 0 expected");
  CHECK(message_of([] { method_type m({}); }) ==
        "distill: tgeo_kd: validation is empty, a function that returns a lesson expected, or a fixed_ratio");
  setting s({});
  CHECK(message_of([&] { method_type m({}, {}, [&] { return s.unseen(); }); }) ==
        "distill: geometry_features: class_means is 0 x 0, classes x classes expected");
  const auto recording = [&](const lesson<double>& l) {
    nn::tape<double> tape;
    return message_of([&] { s.method->record(tape, s.c.student, l); });
  };
  lesson<double> part = s.c.at(0);
  part.teacher = {};
  CHECK(recording(part) == "distill: geometry_features: teacher is 0 x 0, 10 x 4 expected");
  part = s.c.at(0);
  part.classes = {};
  CHECK(recording(part) == "distill: geometry_features: classes has 0 entries, student has 10 rows");
  part = s.c.at(0);
  part.classes = part.labels;
  CHECK(recording(part) == "distill: geometry_features: classes[2] is -100, must lie in [0, 4)");
  s.y.pop_back();
  CHECK(recording(s.c.at(0)) == "distill: labels has 6 entries, student has 7 rows");
  method_type silent({}, s.means.means(), [&] { return lesson<double>{.input = s.x.view()}; });
  nn::tape<double> tape;
  CHECK(message_of([&] { silent.record(tape, s.c.student, s.c.at(0)); }) ==
        "distill: tgeo_kd: labels of the validation lesson are missing, one a sample expected");
  const std::vector<double> x{1, 2};
  distill::recipes::ratio_network<double> ratio(2);
  ratio.decide({x.data(), {1, 2}});
  CHECK(message_of([&] { ratio.learn(x); }) ==
        "distill: ratio_network: to_alpha has 2 entries, 1 samples were decided");
}

}  // namespace recipe_tests
