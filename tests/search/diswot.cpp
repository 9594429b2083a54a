// Students found before they are trained, beside an independent implementation: tests/reference/recipes/diswot.py.
#include <distill/recipe/diswot.hpp>

#include <limits>
#include <numeric>
#include <set>
#include <span>

#include "recipe/support.hpp"

namespace search_tests {

namespace nn = distill::nn;
using namespace recipe_tests;
using distill::diswot_terms;
using distill::index;
using distill::random_choices;
using distill::student_activation;
using distill::student_family;
using distill::student_genome;
using distill::student_space;
using view = matrix_view<const double>;

const std::map<std::string, std::vector<double>>& expected() {
  static const auto all = recorded("diswot");
  return all;
}

view as_matrix(const nn::tensor<double>& t) { return t.view().matrix(); }
nn::tensor<double> scaled(nn::tensor<double> t, double by) {
  for (index i = 0; i < t.view().size(); ++i) t.view().data[i] *= by;
  return t;
}
void clear_row(const nn::tensor<double>& t, index row) {
  std::fill_n(t.view().matrix().row(row), t.view().matrix().columns, 0.0);
}
double semantic(const nn::tensor<double>& s, const nn::tensor<double>& t, double floor = 1e-12) {
  return distill::semantic_distance(as_matrix(s), as_matrix(t), floor);
}
double relation(const nn::tensor<double>& s, const nn::tensor<double>& t) {
  return distill::relation_distance(as_matrix(s), as_matrix(t));
}

TEST_CASE("semantic_distance is that of explicit outer products") {
  const auto s = filled({4, 6}, 31), t = filled({4, 6}, 32);
  auto near = filled({4, 6}, 31);
  for (index i = 0; i < 24; ++i) near.view().data[i] += 1e-6 * t.view().data[i];
  const auto& wanted = expected().at("semantic");
  CHECK(semantic(s, t) == doctest::Approx(wanted[0]).epsilon(1e-14));
  CHECK(semantic(t, s) == doctest::Approx(wanted[0]).epsilon(1e-14));
  CHECK(semantic(s, near) / wanted[1] == doctest::Approx(1).epsilon(1e-9));
  CHECK(semantic(s, scaled(filled({4, 6}, 31), -1)) == 0);  // g gᵀ does not know the sign
  CHECK(semantic(s, s) == 0);
}

TEST_CASE("semantic_distance where entries or whole classes are 0") {
  auto s = filled({4, 6}, 31), t = filled({4, 6}, 32);
  for (const index at : {1, 4}) s.view().data[at] = 0;
  for (const index at : {4, 12}) t.view().data[at] = 0;
  for (const index row : {1}) clear_row(s, row), clear_row(t, row);
  clear_row(t, 3);
  CHECK(semantic(s, t) == doctest::Approx(expected().at("semantic_zeros")[0]).epsilon(1e-14));
  nn::tensor<double> none({4, 6});
  none.fill(0);
  CHECK(semantic(none, none) == 0);
  CHECK(semantic(filled({4, 6}, 32), none) == doctest::Approx(1).epsilon(1e-14));  // every row of every Â has length 1
}

TEST_CASE("semantic_distance below the floor, without one, and at the ends of the range") {
  const auto s = filled({4, 6}, 31), t = filled({4, 6}, 32);
  const auto& wanted = expected().at("semantic_small");
  CHECK(semantic(scaled(filled({4, 6}, 31), 1e-6), scaled(filled({4, 6}, 32), 1e-7)) ==
        doctest::Approx(wanted[0]).epsilon(1e-13));
  const double whole = semantic(s, t, 0);
  CHECK(semantic(scaled(filled({4, 6}, 31), 1e-9), t, 0) == doctest::Approx(wanted[1]).epsilon(1e-13));
  for (const double by : {1e-300, 1e-160, 1e160, 1e300})
    CHECK(semantic(scaled(filled({4, 6}, 31), by), t, 0) == doctest::Approx(whole).epsilon(1e-13));
  auto broken = filled({4, 6}, 31);
  broken.view().data[7] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(semantic(broken, t)));
}

TEST_CASE("relation_distance: dead samples, one sample") {
  auto s = filled({7, 5}, 33), t = filled({7, 9}, 34);
  const auto& wanted = expected().at("relation");
  CHECK(relation(s, t) == doctest::Approx(wanted[0]).epsilon(1e-14));
  CHECK(distill::relation_distance(view(s.view().data, 1, 5), view(t.view().data, 1, 9)) == 0);
  for (const index row : {2, 4}) clear_row(s, row);
  for (const index row : {4, 5}) clear_row(t, row);
  CHECK(relation(s, t) == doctest::Approx(wanted[1]).epsilon(1e-14));
}

TEST_CASE("head_gradient is what backward finds, unlabelled samples left out") {
  const auto h = filled({7, 5}, 33), logits = filled({7, 4}, 35, 3);
  const std::vector<int> labels{0, 3, -100, 1, 1, 2, -100};
  std::vector<double> got(20);
  distill::head_gradient(as_matrix(logits), as_matrix(h), labels, matrix_view<double>(got.data(), 4, 5));
  CHECK(apart(got, expected().at("head_gradient")) <= 1e-15);
  CHECK(message_of([&] {
          distill::head_gradient(as_matrix(logits), view(h.view().data, 6, 5), labels,
                                 matrix_view<double>(got.data(), 4, 5));
        }) == "distill: head_gradient: penultimate has 6 rows, logits have 7");
  CHECK(message_of([&] {
          distill::head_gradient(as_matrix(logits), as_matrix(h), labels, matrix_view<double>(got.data(), 5, 4));
        }) == "distill: head_gradient: out is 5 x 4, 4 x 5 (classes x width) expected");
}

TEST_CASE("distances and score: what they refuse") {
  const auto a = filled({4, 6}, 1), b = filled({4, 5}, 2), c = filled({3, 6}, 3);
  CHECK(message_of([&] { semantic(a, b); }) ==
        "distill: semantic_distance: student has width 6, teacher has width 5, equal widths expected");
  CHECK(message_of([&] { semantic(a, c); }) == "distill: semantic_distance: student has 4 classes, teacher has 3");
  CHECK(message_of([&] { semantic(a, a, -1); }) == "distill: semantic_distance: floor is -1, at least 0 expected");
  CHECK(message_of([&] { distill::semantic_distance(view(), view()); }) ==
        "distill: semantic_distance: gradients are 0 x 0, at least 1 x 1 expected");
  CHECK(message_of([&] { relation(a, c); }) == "distill: relation_distance: student has 4 samples, teacher has 3");
  CHECK(message_of([&] { distill::relation_distance(view(), view()); }) ==
        "distill: relation_distance: student is 0 x 0, teacher is 0 x 0, at least 1 x 1 expected");

  const distill::diswot_outputs<double> wide{as_matrix(a), as_matrix(a), as_matrix(b)},
      narrow{as_matrix(a), as_matrix(b), as_matrix(b)}, others{as_matrix(a), as_matrix(a), as_matrix(a)};
  const std::vector<int> labels{0, 1, 2, 3};
  CHECK(message_of([&] { distill::diswot_score(narrow, wide, labels); }) ==
        "distill: diswot_score: penultimate of the student has width 5, of the teacher 6, equal widths expected where "
        "the semantic distance counts");
  CHECK(message_of([&] { distill::diswot_score(others, wide, labels); }) ==
        "distill: diswot_score: logits of the student have 6 classes, of the teacher 5");
  CHECK(message_of([&] { distill::diswot_score(wide, wide, labels, {.relation = false, .semantic = false}); }) ==
        "distill: diswot_score: neither the relation nor the semantic distance counts, one of them expected");
  const auto relation_alone = distill::diswot_score(narrow, wide, {}, {.semantic = false});  // no labels needed
  CHECK(relation_alone.score == 0);
  const auto itself = distill::diswot_score(wide, wide, labels);
  CHECK(itself.relation == 0);
  CHECK(itself.semantic == 0);
}

// --- evolution ---

using digits = std::vector<int>;

distill::evolution_problem<digits> digits_problem() {
  return {.draw =
              [](random_choices& choices) {
                digits result(6);
                for (int& digit : result) digit = static_cast<int>(choices.below(4));
                return result;
              },
          .mutate =
              [](const digits& of, random_choices& choices) {
                digits result = of;
                int& changed = result[static_cast<std::size_t>(choices.below(6))];
                changed = static_cast<int>(choices.other(changed, 4));
                return result;
              },
          .score =
              [](const digits& d) {
                int sum = -3 * std::abs(d[0] - d[5]);
                for (int place = 0; place < 6; ++place)
                  sum += (7 * d[static_cast<std::size_t>(place)] + 5 * place) % 11;
                return static_cast<double>(sum);
              },
          .feasible = [](const digits& d) { return std::accumulate(d.begin(), d.end(), 0) <= 9; }};
}

TEST_CASE("evolution takes the way of the other implementation") {
  for (const int seed : {1, 2}) {
    CAPTURE(seed);
    const distill::evolution_options options{
        .population = 10, .sample = 4, .cycles = 60, .seed = static_cast<std::uint64_t>(seed)};
    std::vector<double> scores;
    auto problem = digits_problem();
    problem.score = [&, score = problem.score](const digits& d) {
      scores.push_back(score(d));
      return scores.back();
    };
    distill::regularised_evolution<digits> search(problem, options);
    const std::vector<double> best = search.run();
    CHECK(scores == expected().at("digits_scores_" + std::to_string(seed)));
    CHECK(best == expected().at("digits_best_" + std::to_string(seed)));
    CHECK(search.best().score == best.back());
    CHECK(search.scored() == 70);  // the budget, not one more
    CHECK(search.population().size() == 10);
    // the last ten of those scored, good or bad
    for (std::size_t i = 0; i < 10; ++i) CHECK(search.population()[i].score == scores[60 + i]);
    CHECK(search.run() == std::vector<double>{best.back()});  // nothing is left to do
  }
}

TEST_CASE("evolution by hand: the best of the sample has the child, the oldest leaves") {
  // Genomes are numbers in the order they were made, the score is given.
  const std::vector<double> given{5, std::numeric_limits<double>::quiet_NaN(), 5, 1, 2, 3, 0, 9, 4};
  int made = 0;
  std::vector<int> parents;
  distill::regularised_evolution<int> search(
      {.draw = [&](random_choices&) { return made++; },
       .mutate =
           [&](const int& of, random_choices&) {
             parents.push_back(of);
             return made++;
           },
       .score = [&](const int& which) { return given[static_cast<std::size_t>(which)]; },
       .feasible = {}},
      {.population = 3, .sample = 64, .cycles = 6});  // so large a sample holds all three
  const std::vector<double> best = search.run();
  // {5, NaN, 5}: a five; {NaN, 5, 1}: the younger five; {5, 1, 2} again; then what is left: {1, 2, 3}, {2, 3, 0},
  // {3, 0, 9}.
  CHECK((parents[0] == 0 || parents[0] == 2));
  CHECK(std::vector<int>(parents.begin() + 1, parents.end()) == std::vector<int>{2, 2, 5, 5, 7});
  CHECK(best == std::vector<double>{5, 5, 5, 5, 5, 9, 9});
  CHECK(search.best().genome == 7);
}

TEST_CASE("evolution: errors") {
  auto problem = digits_problem();
  CHECK(message_of([&] {
          distill::regularised_evolution<digits>({problem.draw, {}, problem.score, {}}, {});
        }) == "distill: regularised_evolution: problem has no mutate, draw, mutate and score expected");
  CHECK(message_of([&] { distill::regularised_evolution<digits>(problem, {.population = 0}); }) ==
        "distill: regularised_evolution: population is 0, sample 8, tries 1000, cycles 1000; at least 1, 1, 1 and 0 "
        "expected");
  problem.feasible = [](const digits&) { return false; };
  distill::regularised_evolution<digits> impossible(problem, {.tries = 20});
  CHECK(message_of([&] { impossible.best(); }) ==
        "distill: regularised_evolution::best: 0 genomes are scored, at least 1 expected");
  CHECK(message_of([&] { impossible.run(); }) ==
        "distill: regularised_evolution: of 20 random genomes 0 are feasible, at least 1 expected");
  int asked = 0;
  problem.feasible = [&](const digits&) { return ++asked <= 2; };
  distill::regularised_evolution<digits> stuck(problem, {.population = 2, .cycles = 5, .tries = 7});
  CHECK(message_of([&] { stuck.run(); }) ==
        "distill: regularised_evolution: of 7 mutations of a feasible genome 0 are feasible, at least 1 expected");
  CHECK(asked == 9);
  CHECK(stuck.scored() == 2);  // and its best is still there
  CHECK(stuck.best().genome.size() == 6);
  CHECK(message_of([] { random_choices(1).below(0); }) ==
        "distill: random_choices::below: count is 0, at least 1 expected");
  CHECK(message_of([] { random_choices(1).other(0, 1); }) ==
        "distill: random_choices::other: count is 1, at least 2 expected");
}

// --- students ---

student_space small_space() {
  return {.sample = {1, 9, 9}, .outputs = 4, .feature = 6, .depth = 2, .widths = {3, 5, 8}, .channels = {2, 3, 5}};
}
std::vector<student_genome> sixteen() {
  std::vector<student_genome> result;
  for (const auto family : {student_family::dense, student_family::convolutional})
    for (int activation = 0; activation < 4; ++activation)
      for (const auto& levels : {std::vector<index>{1}, std::vector<index>{2, 0}})
        result.push_back({family, static_cast<student_activation>(activation), levels});
  return result;
}

/// A batch of twelve and a teacher that is nothing but numbers.
struct school {
  nn::tensor<double> x = filled({12, 1, 9, 9}, 21), map = filled({12, 20}, 22), feature = filled({12, 6}, 23),
                     logits = filled({12, 4}, 24, 3);
  std::vector<int> labels;

  school() {
    for (int i = 0; i < 12; ++i) labels.push_back(i == 5 ? -100 : i * i % 4);
  }
  lesson<double> batch() const {
    return {.input = x.view(), .labels = labels, .teacher = as_matrix(logits), .teacher_feature = as_matrix(feature)};
  }
};

distill::recipes::diswot<double> method(std::uint64_t seed, const diswot_terms& terms = {}, index budget = 2500,
                                        index cycles = 30) {
  return distill::recipes::diswot<double>(
      small_space(), {.evolution = {.population = 8, .sample = 3, .cycles = cycles, .tries = 100, .seed = seed},
                      .terms = terms,
                      .most_multiply_adds = budget,
                      .network_seed = 7,
                      .networks = 2});
}

TEST_CASE("diswot takes the way of the other implementation") {
  const school s;
  const struct {
    std::string name;
    std::uint64_t seed;
    diswot_terms terms;
  } cases[] = {{"1", 1, {}}, {"2", 2, {}}, {"relation", 1, {.semantic = false}}, {"semantic", 1, {.relation = false}}};
  for (const auto& one : cases) {
    CAPTURE(one.name);
    auto search = method(one.seed, one.terms);
    std::vector<double> scores;
    for (const student_genome& genome : sixteen()) scores.push_back(search.score(genome, s.batch(), as_matrix(s.map)));
    CHECK(apart(scores, expected().at("scores_" + one.name)) <= 1e-13);

    const auto found = search.find(s.batch(), as_matrix(s.map));
    CHECK(apart(found.best, expected().at("search_best_" + one.name)) <= 1e-13);
    CHECK(found.score == found.best.back());
    CHECK(search.feasible(found.genome));
    std::vector<double> genome{static_cast<double>(found.genome.family), static_cast<double>(found.genome.activation)};
    for (const index level : found.genome.levels) genome.push_back(static_cast<double>(level));
    CHECK(genome == expected().at("search_genome_" + one.name));
    // and every student on the way
    std::vector<double> on_the_way;
    const student_space space = small_space();
    distill::regularised_evolution<student_genome> steps(
        {.draw = [&](random_choices& choices) { return space.draw(choices); },
         .mutate = [&](const student_genome& of, random_choices& choices) { return space.mutate(of, choices); },
         .score = [&](const student_genome& of) { return search.score(of, s.batch(), as_matrix(s.map)); },
         .feasible = [&](const student_genome& of) { return space.multiply_adds(of) <= 2500; }},
        {.population = 8, .sample = 3, .cycles = 30, .seed = one.seed});
    for (int k = 0; k < 38; ++k) on_the_way.push_back(steps.advance().score);
    CHECK(apart(on_the_way, expected().at("search_scores_" + one.name)) <= 1e-13);

    const auto again = search.find(s.batch(), as_matrix(s.map));
    CHECK(again.best == found.best);
    CHECK(again.genome == found.genome);
  }
}

TEST_CASE("multiply_adds are uses of weights") {
  std::vector<double> costs;
  for (const student_genome& genome : sixteen())
    costs.push_back(static_cast<double>(small_space().multiply_adds(genome)));
  CHECK(costs == expected().at("costs"));

  // What the layers really are: weights times the pixels that they are used for.
  const nn::conv2d_options how{.stride = 2, .padding = 2, .groups = 2};
  nn::conv2d<double> layer(4, 6, 5, 1, how);
  nn::tape<double> tape;
  const auto x = filled({1, 4, 11, 8}, 1);
  const nn::tensor_shape out = tape.shape(layer.forward(tape, tape.constant(x.view())));
  distill::multiply_adds cost({4, 11, 8});
  cost.conv2d(6, 5, how);
  CHECK(cost.shape() == nn::tensor_shape{out[1], out[2], out[3]});
  CHECK(cost.total() == layer.weight().size() * out[2] * out[3]);
  cost.max_pool(3, 2, 1);
  CHECK(cost.shape() == nn::tensor_shape{6, 3, 2});
  cost.global_average_pool();
  const index before = cost.total();
  cost.linear(10);
  CHECK(cost.total() == before + 60);

  CHECK(message_of([] {
          distill::multiply_adds({2, 3});
        }) == "distill: multiply_adds: sample is 2×3, features or channels×height×width expected");
  CHECK(message_of([] { distill::multiply_adds({7}).global_average_pool(); }) ==
        "distill: multiply_adds::global_average_pool: sample is 7, channels×height×width expected");
  CHECK(message_of([] {
          distill::multiply_adds({1, 2, 2}).conv2d(4, 5, {.padding = 1});
        }) == "distill: multiply_adds::conv2d: sample is 1×2×2, channels×height×width of at least 3 pixels expected");
  CHECK(message_of([] {
          distill::multiply_adds({3, 2, 2}).conv2d(4, 1, {.groups = 2});
        }) == "distill: multiply_adds::conv2d: inputs 3 and outputs 4 for 2 groups, multiples expected");
  CHECK(message_of([] { distill::multiply_adds({3}).linear(0); }) ==
        "distill: multiply_adds::linear: outputs is 0, at least 1 expected");
}

TEST_CASE("student_space: one mutation changes one thing, and every student can be reached") {
  const student_space space = small_space();
  random_choices choices(3);
  std::set<std::string> seen;
  student_genome at = space.draw(choices);
  for (int i = 0; i < 4000; ++i) {
    const student_genome next = space.mutate(at, choices);
    const bool levels = next.levels != at.levels, activation = next.activation != at.activation,
               family = next.family != at.family;
    CHECK(int(levels) + int(activation) + int(family) == 1);
    if (levels && next.levels.size() == at.levels.size()) {
      int differ = 0;
      for (std::size_t k = 0; k < at.levels.size(); ++k) differ += at.levels[k] != next.levels[k];
      CHECK(differ == 1);
    }
    at = next;
    seen.insert(space.text(at));
  }
  CHECK(seen.size() == 2 * 4 * (3 + 9));
  CHECK(space.text({student_family::convolutional, student_activation::gelu, {2, 0}}) == "convolutional 5-2 gelu");
}

TEST_CASE("students and search: what they refuse") {
  const school s;
  student_space space = small_space();
  CHECK(message_of([&] {
          space.build<double>({.levels = {0, 1, 2}}, 1);
        }) == "distill: student_space: genome has 3 layers, 1 to 2 expected");
  CHECK(message_of([&] { space.multiply_adds({.levels = {3}}); }) ==
        "distill: student_space: genome has level 3, 0 to 2 expected");
  space.depth = 4;
  CHECK(message_of([&] { space.check(); }) ==
        "distill: multiply_adds::max_pool: sample is 2×1×1, channels×height×width of at least 2 pixels expected");
  space = small_space();
  space.channels = {2};
  CHECK(message_of([&] { distill::recipes::diswot<double> bad(space); }) ==
        "distill: student_space: 2 families, 4 activations, 3 widths, 1 channels; at least 1 each and as many channels "
        "as widths expected");
  space.channels = {2, 0, 1};
  CHECK(message_of([&] { space.check(); }) ==
        "distill: student_space: level 1 has width 5 and 0 channels, at least 1 expected");
  const student_space lonely{.depth = 1,
                             .families = {student_family::dense},
                             .activations = {student_activation::relu},
                             .widths = {3},
                             .channels = {1}};
  random_choices choices(1);
  CHECK(message_of([&] { lonely.mutate(lonely.draw(choices), choices); }) ==
        "distill: student_space::mutate: the space has 1 genome, at least 2 expected");

  CHECK(message_of([&] { distill::recipes::diswot<double> bad(small_space(), {.networks = 0}); }) ==
        "distill: recipes::diswot: networks is 0, most_multiply_adds 0; at least 1 and 0 expected");
  CHECK(message_of([&] { method(1, {.relation = false, .semantic = false}); }) ==
        "distill: recipes::diswot: neither the relation nor the semantic distance counts, one of them expected");
  CHECK(message_of([&] { method(1, {}, 10).find(s.batch(), as_matrix(s.map)); }) ==
        "distill: regularised_evolution: of 100 random genomes 0 are feasible, at least 1 expected");
  lesson<double> wide = s.batch();
  wide.teacher_feature = as_matrix(s.map);
  auto search = method(1);
  CHECK(message_of([&] { search.find(wide, as_matrix(s.map)); }) ==
        "distill: diswot_score: penultimate of the student has width 6, of the teacher 20, equal widths expected where "
        "the semantic distance counts");
  CHECK(search.find(s.batch(), as_matrix(s.map)).best.size() == 31);  // an error does no harm
  // The relation alone compares teachers of any width.
  CHECK(method(1, {.semantic = false}).find(wide, as_matrix(s.map)).best ==
        method(1, {.semantic = false}).find(s.batch(), as_matrix(s.map)).best);
}

}  // namespace search_tests
