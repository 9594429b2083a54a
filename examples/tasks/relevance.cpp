#include "relevance.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <distill/core/random.hpp>
#include <distill/dense/product.hpp>
#include <distill/metric/ndcg.hpp>
#include <distill/metric/recall.hpp>
#include <distill/nn/adam.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/squared_distance.hpp>
#include <distill/recipe/margin_mse.hpp>
#include <span>
#include <utility>

namespace example {
namespace {

namespace nn = distill::nn;
using distill::index;
using distill::matrix_view;
using distill::random_stream;

constexpr index numbers = 16, hidden_width = 8, list = 8;  // a positive and seven others
constexpr index known_queries = 200, groups = 32, pairs = 256, test_queries = 200, test_documents = 500;
constexpr index student_inputs = numbers + 1, teacher_inputs = 3 * numbers;

using vectors = std::vector<float>;

/// n vectors of standard normal numbers.
vectors drawn(index n, const random_stream& random, std::uint64_t first = 0) {
  vectors result;
  for (index i = 0; i < n * numbers; ++i)
    result.push_back(static_cast<float>(random.normal(first + static_cast<std::uint64_t>(i))));
  return result;
}

/// What is to be found out: how relevant a document is for a query.
class hidden_relevance {
 public:
  explicit hidden_relevance(std::uint64_t seed)
      : query_(drawn(hidden_width, random_stream(seed, 1))),
        document_(drawn(hidden_width, random_stream(seed, 2))),
        cross_(drawn(1, random_stream(seed, 3))) {}

  /// Mostly topics that both have, and a little that depends on every pair of their numbers.
  float operator()(const float* q, const float* d) const {
    double topics = 0, crossed = 0;
    for (index j = 0; j < hidden_width; ++j) topics += topic(query_, j, q) * topic(document_, j, d);
    for (index i = 0; i < numbers; ++i)
      crossed += static_cast<double>(cross_[static_cast<std::size_t>(i)] * q[i] * d[i]);
    return static_cast<float>(topics + 0.5 * std::tanh(crossed / 2));
  }

 private:
  static double topic(const vectors& by, index j, const float* x) {
    double sum = 0;
    for (index i = 0; i < numbers; ++i)
      sum += static_cast<double>(by[static_cast<std::size_t>(j * numbers + i)] * x[i]);
    return std::tanh(sum / 4);
  }
  vectors query_, document_, cross_;
};

/// What the student reads: the vector, and whether it is a query.
void add_to_input(vectors& input, const float* x, bool query) {
  input.insert(input.end(), x, x + numbers);
  input.push_back(query ? 1.0f : 0.0f);
}
/// What the teacher reads.
void add_crossed(vectors& input, const float* q, const float* d) {
  input.insert(input.end(), q, q + numbers);
  input.insert(input.end(), d, d + numbers);
  for (index i = 0; i < numbers; ++i) input.push_back(q[i] * d[i]);
}

nn::tensor_view<const float> rows_of(const vectors& numbers_, index columns) {
  return {numbers_.data(), {std::ssize(numbers_) / columns, columns}};
}

/// The network's outputs for all rows.
vectors outputs(const nn::network<float>& model, const vectors& input, index columns, nn::tape<float>& tape) {
  const auto nothing_to_learn = tape.no_gradients();
  const auto y = tape.value(model.forward(tape, tape.constant(rows_of(input, columns))));
  vectors result(y.data, y.data + y.size());
  tape.reset();
  return result;
}

/// Groups as Margin-MSE takes them: a query, then `list` documents of which the first is the best by `judge`.
struct lists {
  vectors input, scores;

  /// @param judge  (q, documents) → their scores
  template <class Judge>
  void add(const vectors& q, vectors documents, const Judge& judge) {
    vectors found = judge(q, documents);
    const auto best = std::max_element(found.begin(), found.end()) - found.begin();
    std::swap(found[0], found[static_cast<std::size_t>(best)]);
    std::swap_ranges(documents.begin(), documents.begin() + numbers, documents.begin() + best * numbers);
    add_to_input(input, q.data(), true);
    for (index k = 0; k < list; ++k) add_to_input(input, documents.data() + k * numbers, false);
    scores.insert(scores.end(), found.begin(), found.end());
  }
};

/// Adam and a cosine schedule; `record(step)` puts the loss on the tape.
template <class Record>
void train(const std::vector<nn::parameter<float>*>& learned, index steps, nn::tape<float>& tape,
           const Record& record) {
  nn::adam<float> optimiser;
  const nn::cosine_schedule rate{.peak = 3e-3, .steps = steps, .warm_up = steps / 20};
  for (index step = 0; step < steps; ++step) {
    nn::zero_gradients(learned);
    record(step);
    tape.backward();
    optimiser.step(learned, rate(step), tape.resources());
    tape.reset();
  }
}

}  // namespace

std::vector<outcome> relevance(const task_settings& settings) {
  const index steps = 1000 * (settings.epochs > 0 ? settings.epochs : 3);
  nn::tape<float> tape({.threads = settings.threads}), teacher_tape({.threads = settings.threads});
  const hidden_relevance truth(settings.seed);
  const random_stream training(settings.seed, 4);
  const auto at = [](index draw) { return static_cast<std::uint64_t>(draw * numbers); };
  auto clock = std::chrono::steady_clock::now();
  const auto lap = [&] {
    const auto before = std::exchange(clock, std::chrono::steady_clock::now());
    return std::chrono::duration<double>(clock - before).count();
  };

  // The test: grades 3, 2, 1 for the best 2, 6 and 15 % of a query's documents.
  const vectors queries = drawn(test_queries, random_stream(settings.seed, 5));
  const vectors documents = drawn(test_documents, random_stream(settings.seed, 6));
  std::vector<std::uint8_t> grades;
  for (index q = 0; q < test_queries; ++q) {
    vectors found, sorted;
    for (index d = 0; d < test_documents; ++d)
      found.push_back(truth(queries.data() + q * numbers, documents.data() + d * numbers));
    sorted = found;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    for (const float r : found) {
      int grade = 0;
      for (const index percent : {2, 6, 15})
        grade += r >= sorted[static_cast<std::size_t>(test_documents * percent / 100 - 1)];
      grades.push_back(static_cast<std::uint8_t>(grade));
    }
  }
  std::vector<outcome> outcomes;
  const auto judge = [&](std::string variant, const vectors& scores) {
    const double seconds = lap();
    const matrix_view s(scores.data(), test_queries, test_documents);
    const matrix_view g(grades.data(), test_queries, test_documents);
    outcomes.push_back(
        {.variant = std::move(variant),
         .measures = {{"nDCG@10 %", 100 * distill::ndcg(s, g)}, {"recall@100 %", 100 * distill::recall(s, g, 100)}},
         .seconds = seconds});
  };

  // The teacher: the relevance of pairs, as many as it takes.
  nn::network<float> teacher =
      nn::mlp<float>({.inputs = teacher_inputs, .hidden = {128, 64}, .outputs = 1, .seed = 100 * settings.seed});
  nn::criterion<float, distill::squared_distance> squares(distill::squared_distance{});
  vectors input, wanted;  // of a step, until it is done
  lap();
  train(teacher.parameters(), 2 * steps, tape, [&](index step) {
    const vectors q = drawn(pairs, training, at(2 * step * pairs)),
                  d = drawn(pairs, training, at((2 * step + 1) * pairs));
    input.clear();
    wanted.clear();
    for (index i = 0; i < pairs; ++i) {
      add_crossed(input, q.data() + i * numbers, d.data() + i * numbers);
      wanted.push_back(truth(q.data() + i * numbers, d.data() + i * numbers));
    }
    return squares(tape, teacher.forward(tape, tape.constant(rows_of(input, teacher_inputs))),
                   {.teacher = matrix_view<const float>(wanted.data(), pairs, 1)})
        .value;
  });
  const auto by_teacher = [&](const vectors& q, const vectors& d) {
    vectors crossed;
    for (std::size_t i = 0; i < q.size(); i += numbers)
      for (std::size_t k = 0; k < d.size(); k += numbers) add_crossed(crossed, q.data() + i, d.data() + k);
    return outputs(teacher, crossed, teacher_inputs, teacher_tape);
  };
  judge("teacher", by_teacher(queries, documents));

  const auto new_student = [&] {
    return nn::mlp<float>(
        {.inputs = student_inputs, .hidden = {64, 64}, .outputs = 16, .seed = 100 * settings.seed + 50});
  };
  const auto judge_student = [&](const std::string& variant, const nn::network<float>& student) {
    vectors input_q, input_d, scores(grades.size());
    for (index q = 0; q < test_queries; ++q) add_to_input(input_q, queries.data() + q * numbers, true);
    for (index d = 0; d < test_documents; ++d) add_to_input(input_d, documents.data() + d * numbers, false);
    const vectors q = outputs(student, input_q, student_inputs, tape),
                  d = outputs(student, input_d, student_inputs, tape);
    distill::product(rows_of(q, 16).matrix(), distill::transposed(rows_of(d, 16).matrix()),
                     matrix_view<float>(scores.data(), test_queries, test_documents));
    judge(variant, scores);
  };

  // Plain: of each known query one relevant document, and some that are not.
  const random_stream known(settings.seed, 7), order(settings.seed, 8);
  lists labelled;
  for (index i = 0; i < known_queries; ++i)
    labelled.add(drawn(1, known, at(i * (1 + list))), drawn(list, known, at(i * (1 + list) + 1)),
                 [&](const vectors& q, const vectors& d) {
                   vectors found;
                   for (index k = 0; k < list; ++k) found.push_back(truth(q.data(), d.data() + k * numbers));
                   return found;
                 });
  nn::network<float> plain = new_student();
  nn::criterion<float, distill::cross_entropy> cross_entropy(distill::cross_entropy{});
  const std::vector<int> first(static_cast<std::size_t>(groups), 0);
  constexpr index group = (1 + list) * student_inputs;
  train(plain.parameters(), steps, tape, [&](index step) {
    input.clear();
    for (index i = 0; i < groups; ++i) {
      const auto from =
          labelled.input.begin() +
          static_cast<index>(order.below(known_queries, static_cast<std::uint64_t>(step * groups + i))) * group;
      input.insert(input.end(), from, from + group);
    }
    const nn::variable embeddings = plain.forward(tape, tape.constant(rows_of(input, student_inputs)));
    return cross_entropy(tape, distill::recipes::margin_mse<float>::score(tape, embeddings, list), {.labels = first})
        .value;
  });
  judge_student("plain", plain);

  // Distilled: new queries every step, and documents that the teacher has put in order.
  const random_stream fresh(settings.seed, 9);
  nn::network<float> distilled = new_student();
  distill::recipes::margin_mse<float> method;
  lists batch;
  train(distill::learned_by(method, distilled), steps, tape, [&](index step) {
    batch = {};
    for (index i = 0; i < groups; ++i) {
      const index draw = (step * groups + i) * (1 + list);
      batch.add(drawn(1, fresh, at(draw)), drawn(list, fresh, at(draw + 1)), by_teacher);
    }
    return method.record(tape, distilled,
                         {.input = rows_of(batch.input, student_inputs),
                          .teacher = matrix_view<const float>(batch.scores.data(), groups, list)});
  });
  judge_student("Margin-MSE", distilled);
  return outcomes;
}

}  // namespace example
