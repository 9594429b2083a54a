// Evolution in which the old make room for the young.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "random_choices.hpp"

DISTILL_NAMESPACE_BEGIN

/// What a search knows of its genomes: one at random, one that differs from another in one place, how good one is
/// (larger is better; NaN is worse than anything), and whether it may be taken at all (empty: each).
template <class Genome>
struct evolution_problem {
  std::function<Genome(random_choices&)> draw;
  std::function<Genome(const Genome&, random_choices&)> mutate;
  std::function<double(const Genome&)> score;
  std::function<bool(const Genome&)> feasible;
};

/// sample: how many of the population, drawn with replacement, compete to be the parent. tries: how many genomes may be
/// turned down in a row.
struct evolution_options {
  index population = 36;
  index sample = 8;
  index cycles = 1000;
  index tries = 1000;
  std::uint64_t seed = 0;
};

/// Regularised evolution: a queue of genomes, at first random ones. In each cycle the best of a sample has a child that
/// differs from it in one place; the child joins the queue and the oldest leaves, good or bad. What is wanted is the
/// best that was ever in it.
///
///     regularised_evolution<std::vector<int>> search({draw, mutate, score, fits}, {.cycles = 200, .seed = 1});
///     const std::vector<double> curve = search.run();      // or advance() for as long as there is time
///     build(search.best().genome);
///
/// Only feasible genomes are scored. Of equal scores the one drawn or found first wins. A search is a function of its
/// problem and its options.
/// Source: E. Real, A. Aggarwal, Y. Huang, Q. Le, "Regularized evolution for image classifier architecture search",
/// AAAI 2019, algorithm 1; population and sample as in DisWOT (arXiv 2303.15678).
template <class Genome>
class regularised_evolution {
 public:
  struct individual {
    Genome genome;
    double score;
  };

  /// @throws argument_error  draw, mutate or score missing, population, sample or tries below 1, cycles negative
  regularised_evolution(evolution_problem<Genome> problem, const evolution_options& options)
      : problem_(std::move(problem)), options_(options), choices_(options.seed) {
    if (!problem_.draw || !problem_.mutate || !problem_.score)
      fail("regularised_evolution: problem has no ",
           !problem_.draw     ? "draw"
           : !problem_.mutate ? "mutate"
                              : "score",
           ", draw, mutate and score expected");
    if (options.population < 1 || options.sample < 1 || options.tries < 1 || options.cycles < 0)
      fail("regularised_evolution: population is ", options.population, ", sample ", options.sample, ", tries ",
           options.tries, ", cycles ", options.cycles, "; at least 1, 1, 1 and 0 expected");
  }

  /// Fills the population and runs every cycle that is left. The best score so far, first of the whole population, then
  /// after each cycle. @throws argument_error  what advance() throws
  std::vector<double> run() {
    while (std::ssize(population_) < options_.population) advance();
    std::vector<double> best{this->best().score};
    while (scored_ < options_.population + options_.cycles) {
      advance();
      best.push_back(this->best().score);
    }
    return best;
  }

  /// Scores one genome more: a random one until the population is full, from then on the child of a cycle.
  /// @throws argument_error  none of `tries` genomes in a row was feasible; nothing has changed then but the choices
  const individual& advance() {
    const bool full = std::ssize(population_) == options_.population;
    individual added{full ? child_of(parent()) : feasible([&] { return problem_.draw(choices_); }, "random genomes"),
                     0};
    added.score = problem_.score(added.genome);
    ++scored_;
    if (!best_ || better(added.score, best_->score)) best_ = added;
    population_.push_back(std::move(added));
    if (full) population_.pop_front();
    return population_.back();
  }

  /// @throws argument_error  before the first advance()
  const individual& best() const {
    if (!best_) fail("regularised_evolution::best: ", 0, " genomes are scored, at least 1 expected");
    return *best_;
  }
  /// From the oldest to the youngest.
  const std::deque<individual>& population() const { return population_; }
  /// How many genomes were scored.
  index scored() const { return scored_; }

 private:
  static bool better(double a, double b) { return a > b || (std::isnan(b) && !std::isnan(a)); }

  const individual& parent() {
    const individual* best = nullptr;
    for (index i = 0; i < options_.sample; ++i) {
      const individual& drawn = population_[static_cast<std::size_t>(choices_.below(std::ssize(population_)))];
      if (best == nullptr || better(drawn.score, best->score)) best = &drawn;
    }
    return *best;
  }
  Genome child_of(const individual& parent) {
    return feasible([&] { return problem_.mutate(parent.genome, choices_); }, "mutations of a feasible genome");
  }
  template <class Make>
  Genome feasible(const Make& make, const char* what) {
    for (index i = 0; i < options_.tries; ++i) {
      Genome made = make();
      if (!problem_.feasible || problem_.feasible(made)) return made;
    }
    fail("regularised_evolution: of ", options_.tries, " ", what, " ", 0, " are feasible, at least 1 expected");
  }

  evolution_problem<Genome> problem_;
  evolution_options options_;
  random_choices choices_;
  std::deque<individual> population_;
  std::optional<individual> best_;
  index scored_ = 0;
};

DISTILL_NAMESPACE_END
