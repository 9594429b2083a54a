// The student is searched for before anything is trained.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../nn/network.hpp"
#include "../nn/tape.hpp"
#include "../search/diswot_score.hpp"
#include "../search/regularised_evolution.hpp"
#include "../search/student_space.hpp"
#include "info.hpp"
#include "lesson.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// most_multiply_adds: what a student may cost; 0 for any. network_seed: first weights of every student; a score is the
/// mean over `networks` students of one genome, with seeds one after the other.
struct diswot_options {
  evolution_options evolution{};
  diswot_terms terms{};
  index most_multiply_adds = 0;
  std::uint64_t network_seed = 0;
  index networks = 1;
};

/// DisWOT: of all students within a budget, evolution finds the one that, untrained, is most like the (untrained)
/// teacher on one batch: it relates samples and channels as the teacher does. Then any recipe trains it.
///
///     recipes::diswot<float> method(space, {.evolution = {.cycles = 200}, .most_multiply_adds = 300000});
///     const auto found = method.find(batch, teacher_map);
///     nn::network<float> student = space.build<float>(found.genome, seed);
///
/// No training step, so not derived from recipe<T>. Students run with batch statistics, as untrained ones must.
/// Source: arXiv 2303.15678 and its program. Different from that: a genome always has the same weights and batch, so
/// that a score is a function of the genome; and the best of a sample has the child, not one of its worst five.
template <class T>
class diswot {
 public:
  static constexpr recipe_info info{.name = "diswot",
                                    .title = "DisWOT",
                                    .idea = "the student whose untrained network is most like the teacher's",
                                    .source = "arXiv 2303.15678",
                                    .how = closeness::code,
                                    .classifier = false};

  struct found {
    student_genome genome;
    double score = 0;
    std::vector<double> best;  ///< score so far: after the first population, then after each cycle
  };

  /// @throws argument_error  a space that does not fit together, no networks, a negative budget, what
  ///   regularised_evolution and diswot_score refuse
  explicit diswot(student_space space, const diswot_options& options = {})
      : space_(std::move(space)), options_(options) {
    space_.check();
    if (options.networks < 1 || options.most_multiply_adds < 0)
      fail("recipes::diswot: networks is ", options.networks, ", most_multiply_adds ", options.most_multiply_adds,
           "; at least 1 and 0 expected");
    if (!options.terms.relation && !options.terms.semantic)
      fail("recipes::diswot: neither the relation nor the semantic distance counts, one of them expected");
  }

  /// How like the teacher the student of a genome is. The lesson's input, labels, teacher (logits) and teacher_feature
  /// count; map is the teacher's last feature map, n × …, flattened. @throws argument_error  what diswot_score() throws
  double score(const student_genome& genome, const lesson<T>& batch, const matrix_view<const T>& map) {
    double sum = 0;
    for (index k = 0; k < options_.networks; ++k) {
      tape_.reset();
      const nn::network<T> student = space_.build<T>(genome, options_.network_seed + static_cast<std::uint64_t>(k));
      const auto nothing_to_learn = tape_.no_gradients();
      const auto out = student.run(tape_, tape_.constant(batch.input));
      const auto tap = [&](index from_end) {
        return tape_.value(out.taps[static_cast<std::size_t>(out.tap_count - from_end)]).matrix();
      };
      sum += diswot_score<T>({.map = tap(2), .penultimate = tap(1), .logits = tape_.value(out.logits).matrix()},
                             {.map = map, .penultimate = batch.teacher_feature, .logits = batch.teacher}, batch.labels,
                             options_.terms)
                 .score;
    }
    return sum / static_cast<double>(options_.networks);
  }
  bool feasible(const student_genome& genome) const {
    return options_.most_multiply_adds == 0 || space_.multiply_adds(genome) <= options_.most_multiply_adds;
  }

  /// The best student of the search. @throws argument_error  likewise, and if none within the budget is found
  found find(const lesson<T>& batch, const matrix_view<const T>& map) {
    regularised_evolution<student_genome> search(
        {.draw = [&](random_choices& choices) { return space_.draw(choices); },
         .mutate = [&](const student_genome& of, random_choices& choices) { return space_.mutate(of, choices); },
         .score = [&](const student_genome& of) { return score(of, batch, map); },
         .feasible = [&](const student_genome& of) { return feasible(of); }},
        options_.evolution);
    found result;
    result.best = search.run();
    result.genome = search.best().genome;
    result.score = search.best().score;
    return result;
  }

 private:
  student_space space_;
  diswot_options options_;
  nn::tape<T> tape_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
