#include "retrieval.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <distill/dense/product.hpp>
#include <distill/embedding/hamming_scores.hpp>
#include <distill/embedding/int8_quantiser.hpp>
#include <distill/embedding/shorten.hpp>
#include <distill/embedding/sign_bits.hpp>
#include <distill/metric/ndcg.hpp>
#include <distill/metric/recall.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/nn/model/mlp.hpp>
#include <distill/nn/slice.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/recipe/leaf.hpp>

#include "../support/training.hpp"

namespace example {
namespace {

using distill::matrix_view;

constexpr index width = 64, batch_size = 128, labelled = 1000, queries = 1000, documents = 1000, pixels = 28 * 28;
constexpr std::array<index, 4> prefixes{8, 16, 32, width};
constexpr std::array<index, 3> shown{width, 16, 8};

/// Embeddings, one a row.
struct table {
  index rows, columns;
  std::vector<float> numbers;
  table(index r, index c) : rows(r), columns(c), numbers(static_cast<std::size_t>(r * c)) {}
  matrix_view<float> view() { return {numbers.data(), rows, columns}; }
  matrix_view<const float> view() const { return {numbers.data(), rows, columns}; }
};

/// An MLP whose last stage is an embedding, and what classifies by its first numbers.
class classifier {
 public:
  classifier(std::vector<index> hidden, std::uint64_t seed) : trunk_("classifier") {
    index from = pixels;
    for (const index to : hidden) {
      nn::sequential<float> stage;
      stage.add(nn::linear<float>(from, to, ++seed));
      stage.add(nn::relu<float>());
      trunk_.add_stage("hidden" + std::to_string(trunk_.stages() + 1), std::move(stage));
      from = to;
    }
    trunk_.add_stage("embedding", nn::linear<float>(from, width, ++seed, nn::initialisation::xavier_uniform));
    trunk_.set_head(nn::linear<float>(width, 1, 0));  // not used
    for (const index d : prefixes)
      heads_.emplace_back(d, classes_of_images, ++seed, nn::initialisation::xavier_uniform);
  }
  std::vector<nn::parameter<float>*> parameters() {
    auto all = trunk_.parameters();
    for (nn::linear<float>& head : heads_)
      for (nn::parameter<float>* p : head.parameters()) all.push_back(p);
    return all;
  }
  double record(nn::tape<float>& tape, const image_batch& batch) {
    const nn::variable u = raw(tape, tape.constant(batch.view()));
    double sum = 0;
    for (std::size_t k = 0; k < heads_.size(); ++k)
      sum +=
          loss_(tape, heads_[k].forward(tape, nn::slice(tape, u, 1, 0, prefixes[k])), {.labels = batch.labels}).value;
    return sum;
  }
  nn::variable embed(nn::tape<float>& tape, nn::variable input) const { return nn::unit_rows(tape, raw(tape, input)); }

 private:
  nn::variable raw(nn::tape<float>& tape, nn::variable input) const {
    const auto out = trunk_.run(tape, input);
    return out.last();
  }

  nn::network<float> trunk_;
  std::vector<nn::linear<float>> heads_;
  nn::criterion<float, distill::cross_entropy> loss_{distill::cross_entropy{}};
};

/// `embed` of the images first … first + count − 1.
template <class Embed>
table embeddings(const labelled_images& images, index first, index count, nn::tape<float>& tape, const Embed& embed) {
  table result(0, width);
  show({images.matrix().row(first), count, pixels}, tape,
       [&](nn::variable input) { append(result.numbers, tape.value(embed(tape, input))); });
  result.rows = count;
  return result;
}

/// Over batches of the images; `record(batch, samples)` puts the loss on the tape.
template <class Record>
void train_on(const std::vector<nn::parameter<float>*>& learned, index steps, const labelled_images& from,
              sampler images, nn::tape<float>& tape, const Record& record) {
  image_batch batch;
  std::vector<index> samples;
  train(learned, steps, 2e-3, tape, [&](index) {
    batch.clear();
    samples.clear();
    for (index i = 0; i < batch_size; ++i) {
      samples.push_back(images.next());
      batch.add(from, samples.back(), true, nullptr);
    }
    return record(batch, samples);
  });
}

enum class storage { floats, bytes, bits };

/// Scores of all documents for all queries by the first d numbers of both.
table score(const table& whole_queries, const table& whole_documents, index d, storage how) {
  table q(whole_queries.rows, d), p(whole_documents.rows, d), scores(q.rows, p.rows);
  distill::shorten(whole_queries.view(), q.view());
  distill::shorten(whole_documents.view(), p.view());
  if (how == storage::bits) {
    const index bytes = (d + 7) / 8;
    std::vector<std::uint8_t> q_bits(static_cast<std::size_t>(q.rows * bytes)),
        p_bits(static_cast<std::size_t>(p.rows * bytes));
    const matrix_view<std::uint8_t> q_codes(q_bits.data(), q.rows, bytes), p_codes(p_bits.data(), p.rows, bytes);
    distill::sign_bits(q.view(), q_codes);
    distill::sign_bits(p.view(), p_codes);
    distill::hamming_scores(q_codes, p_codes, d, scores.view());
    return scores;
  }
  if (how == storage::bytes) {  // ranges are those of the documents
    const distill::int8_quantiser<float> small(p.view());
    std::vector<std::int8_t> codes(q.numbers.size());
    for (table* x : {&q, &p}) {
      codes.resize(x->numbers.size());
      const matrix_view<std::int8_t> view(codes.data(), x->rows, d);
      small.encode(x->view(), view);
      small.decode(view, x->view());
    }
  }
  distill::product(q.view(), distill::transposed(std::as_const(p).view()), scores.view());
  return scores;
}

outcome judge(std::string variant, const table& q, const table& p, const matrix_view<const std::uint8_t>& relevant,
              double seconds) {
  outcome result{.variant = std::move(variant), .measures = {}, .seconds = seconds};
  for (const index d : shown)
    for (const auto& [how, name] :
         {std::pair{storage::floats, " floats"}, {storage::bytes, " bytes"}, {storage::bits, " bits"}}) {
      const table scores = score(q, p, d, how);
      result.measures.push_back(
          {"nDCG@10 %, " + std::to_string(d) + name, 100 * distill::ndcg(scores.view(), relevant)});
      result.measures.push_back(
          {"recall@100 %, " + std::to_string(d) + name, 100 * distill::recall(scores.view(), relevant, 100)});
    }
  return result;
}

std::vector<outcome> run(const task_settings& settings) {
  const fashion_mnist data(settings.data, labelled, queries + documents);
  const index epochs = settings.epochs > 0 ? settings.epochs : 4, steps = epochs * data.train.size() / batch_size;
  nn::tape<float> tape({.threads = settings.threads});
  auto clock = std::chrono::steady_clock::now();
  const auto lap = [&] {
    const auto before = std::exchange(clock, std::chrono::steady_clock::now());
    return std::chrono::duration<double>(clock - before).count();
  };
  std::vector<index> all = every_image(data.train);
  distill::shuffle(std::span(all), distill::random_stream(settings.seed, 1));
  const std::vector<index> few(all.begin(), all.begin() + labelled);
  const auto by_labels = [&](classifier& model, const std::vector<index>& images) {
    train_on(model.parameters(), steps, data.train, sampler(images, settings.seed), tape,
             [&](const image_batch& batch, const std::vector<index>&) { return model.record(tape, batch); });
    return [&](auto& t, nn::variable x) { return model.embed(t, x); };
  };

  std::vector<std::uint8_t> relevant;
  for (index q = 0; q < queries; ++q)
    for (index p = queries; p < queries + documents; ++p)
      relevant.push_back(data.test.labels[static_cast<std::size_t>(q)] ==
                         data.test.labels[static_cast<std::size_t>(p)]);
  const matrix_view<const std::uint8_t> same_class(relevant.data(), queries, documents);

  std::vector<outcome> outcomes;
  classifier teacher({256, 128}, 100 * settings.seed);
  lap();
  const auto by_teacher = by_labels(teacher, all);
  const table targets = embeddings(data.train, 0, data.train.size(), tape, by_teacher);
  const table teacher_documents = embeddings(data.test, queries, documents, tape, by_teacher);
  outcomes.push_back(
      judge("teacher", embeddings(data.test, 0, queries, tape, by_teacher), teacher_documents, same_class, lap()));

  /// A student among its own documents, and among the teacher's.
  const auto judge_student = [&](const std::string& name, const auto& embed) {
    const double seconds = lap();
    const table own = embeddings(data.test, 0, queries, tape, embed);
    outcomes.push_back(judge(name, own, embeddings(data.test, queries, documents, tape, embed), same_class, seconds));
    outcomes.push_back(judge(name + ", teacher's documents", own, teacher_documents, same_class, seconds));
    lap();
  };

  classifier plain({64}, 100 * settings.seed + 50);
  judge_student("plain", by_labels(plain, few));

  for (const bool with_dims : {false, true}) {
    auto student = nn::mlp<float>({.hidden = {64}, .seed = 100 * settings.seed + 50});
    distill::recipes::leaf<float> method(
        {.student_width = 64,
         .teacher_width = width,
         .dims = with_dims ? std::vector<index>(prefixes.begin(), prefixes.end()) : std::vector<index>{},
         .seed = 100 * settings.seed + 60});
    table wanted(batch_size, width);
    train_on(distill::learned_by(method, student), steps, data.train, sampler(all, settings.seed), tape,
             [&](const image_batch& batch, const std::vector<index>& samples) {
               for (std::size_t i = 0; i < samples.size(); ++i)
                 std::copy_n(targets.numbers.data() + samples[i] * width, width,
                             wanted.numbers.data() + static_cast<index>(i) * width);
               return method.record(tape, student,
                                    {.input = batch.view(), .teacher_feature = std::as_const(wanted).view()});
             });
    judge_student(with_dims ? "LEAF with dims" : "LEAF",
                  [&](auto& t, nn::variable x) { return method.embed(t, student, x); });
  }
  return outcomes;
}

}  // namespace

known_task retrieval() { return {distill::recipes::leaf<float>::info, run}; }

}  // namespace example
