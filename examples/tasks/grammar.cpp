#include "grammar.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <distill/core/random.hpp>
#include <distill/nn/adam.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/embedding.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/network.hpp>
#include <distill/nn/parameter_list.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/sequential.hpp>
#include <distill/recipe/distillm.hpp>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>

namespace example {
namespace {

using distill::index;
using distill::random_stream;
namespace nn = distill::nn;
using method_of = distill::recipes::distillm<float>;
using text = method_of::sequence;  // ends with token `end`, unless it was cut off

// --- the grammar ---

/// sentence = clause ["and" clause] end,  clause = noun [adjective] ["that" clause] verb,  at most three deep.
/// Adjective and verb are of their noun's class, and every noun has verbs that it prefers: what a verb must be was said
/// up to ten words before, with other nouns in between. Probabilities of words are drawn from a seed.
class rules {
 public:
  static constexpr index end = 0, that = 1, conjunction = 2, first_word = 3;
  static constexpr index noun_classes = 4, items = 4, of_a_kind = noun_classes * items;
  static constexpr index nouns = first_word, adjectives = nouns + of_a_kind, verbs = adjectives + of_a_kind,
                         vocabulary = verbs + of_a_kind;
  static constexpr std::size_t deepest = 3;
  static constexpr index longest = 24;

  /// What has been read so far.
  struct position {
    enum { begins, after_noun, after_adjective, after_clause, ended } at = begins;
    std::vector<index> open;  // nouns that wait for their verb
    bool second = false;      // of two clauses
  };

  explicit rules(std::uint64_t seed) {
    const random_stream random(seed, 1);
    std::uint64_t drawn = 0;
    const auto shares = [&](index count, double sharpness) {
      std::vector<double> w(static_cast<std::size_t>(count));
      double total = 0;
      for (double& x : w) total += x = std::exp(sharpness * random.normal(drawn++));
      for (double& x : w) x /= total;
      return w;
    };
    noun_ = shares(of_a_kind, 0.7);
    for (index c = 0; c < noun_classes; ++c) adjective_.push_back(shares(items, 1));
    for (index n = 0; n < of_a_kind; ++n) verb_.push_back(shares(items, 2));
  }

  /// The probability of every token here.
  std::vector<double> next(const position& p) const {
    std::vector<double> result(vocabulary);
    const auto spread = [&](index first, double mass, const std::vector<double>& shares) {
      for (std::size_t i = 0; i < shares.size(); ++i) result[static_cast<std::size_t>(first) + i] = mass * shares[i];
    };
    switch (p.at) {
      case position::begins: spread(nouns, 1, noun_); break;
      case position::after_noun:
      case position::after_adjective:
      case position::after_clause: {
        if (p.open.empty()) {
          result[conjunction] = p.second ? 0 : 0.3;
          result[end] = 1 - result[conjunction];
          break;
        }
        const index noun = p.open.back(), kind = noun / items;
        double rest = 1;
        if (p.at == position::after_noun)
          spread(adjectives + kind * items, 0.35, adjective_[std::size_t(kind)]), rest = 0.65;
        if (p.at != position::after_clause && p.open.size() < deepest) result[that] = 0.35, rest -= 0.35;
        spread(verbs + kind * items, rest, verb_[std::size_t(noun)]);
        break;
      }
      case position::ended: break;
    }
    return result;
  }

  /// Reads a token that next() allows.
  void read(position& p, index token) const {
    if (token == end)
      p.at = position::ended;
    else if (token == that)
      p.at = position::begins;
    else if (token == conjunction)
      p.at = position::begins, p.second = true;
    else if (token < adjectives)
      p.at = position::after_noun, p.open.push_back(token - nouns);
    else if (token < verbs)
      p.at = position::after_adjective;
    else
      p.at = position::after_clause, p.open.pop_back();
  }

  text write(const random_stream& random) const {
    text result;
    for (position p; p.at != position::ended;) {
      const std::vector<double> shares = next(p);
      const index token = pick(shares, random.uniform(result.tokens.size()));
      result.tokens.push_back(static_cast<std::int32_t>(token));
      read(p, token);
    }
    return result;
  }
  /// −log of the text's probability; infinite if it is no sentence.
  double surprise(const text& t) const {
    position p;
    double total = 0;
    for (const index token : t.tokens) {
      if (p.at == position::ended) return INFINITY;
      const double share = next(p)[static_cast<std::size_t>(token)];
      if (share == 0) return INFINITY;
      total -= std::log(share);
      read(p, token);
    }
    return p.at == position::ended ? total : INFINITY;
  }
  bool accepts(const text& t) const { return std::isfinite(surprise(t)); }

  /// The place in `shares`, which add up to about 1, where their sum passes `draw`.
  static index pick(std::span<const double> shares, double draw) {
    index last = 0;
    for (index i = 0; i < std::ssize(shares); ++i) {
      if (shares[static_cast<std::size_t>(i)] == 0) continue;
      last = i;
      if ((draw -= shares[static_cast<std::size_t>(i)]) < 0) break;
    }
    return last;
  }

 private:
  std::vector<double> noun_;
  std::vector<std::vector<double>> adjective_, verb_;
};

// --- networks that write ---

/// The last `reach` tokens, embedded, through hidden layers to the next one.
struct writer {
  index reach;
  nn::network<float> network{"writer"};

  writer(index reach_, index width, index hidden, std::uint64_t seed) : reach(reach_) {
    const random_stream seeds(seed);
    nn::sequential<float> thought;
    thought.add("linear", nn::linear<float>(reach * width, hidden, seeds.bits(1)));
    thought.add("relu", nn::relu<float>());
    network.add_stage("words", nn::embedding<float>(rules::vocabulary, width, seeds.bits(0), {.deviation = 0.5}));
    network.add_stage("thought", std::move(thought));
    network.set_head(nn::linear<float>(hidden, rules::vocabulary, seeds.bits(2), nn::initialisation::xavier_uniform));
  }
};

/// Every token of some texts with what comes before it.
class reading {
 public:
  void set(const std::vector<text>& texts, index reach) {
    contexts_.clear(), tokens.clear();
    reach_ = reach;
    for (const text& t : texts)
      for (index i = 0; i < std::ssize(t.tokens); ++i) {
        add_context(t, i);
        tokens.push_back(i < t.prompt ? -100 : t.tokens[static_cast<std::size_t>(i)]);
      }
  }
  void add_context(const text& t, index before) {
    for (index i = before - reach_; i < before; ++i)
      contexts_.push_back(i < 0 ? float(rules::end) : static_cast<float>(t.tokens[static_cast<std::size_t>(i)]));
  }
  void clear(index reach) { contexts_.clear(), reach_ = reach; }
  nn::tensor_view<const float> view() const {
    return {contexts_.data(), {static_cast<index>(contexts_.size()) / reach_, reach_}};
  }
  std::vector<std::int32_t> tokens;

 private:
  index reach_ = 1;
  std::vector<float> contexts_;
};

/// log softmax, in double.
std::vector<double> log_shares(const float* logits) {
  std::vector<double> result(logits, logits + rules::vocabulary);
  const double top = *std::max_element(result.begin(), result.end());
  double total = 0;
  for (const double x : result) total += std::exp(x - top);
  for (double& x : result) x -= top + std::log(total);
  return result;
}

/// Nats per token.
double surprise(const writer& w, const std::vector<text>& texts, nn::tape<float>& tape) {
  const auto nothing_to_learn = tape.no_gradients();
  reading all;
  all.set(texts, w.reach);
  const auto logits = tape.value(w.network.forward(tape, tape.constant(all.view())));
  double total = 0;
  for (std::size_t i = 0; i < all.tokens.size(); ++i)
    total -= log_shares(&logits(static_cast<index>(i), 0))[static_cast<std::size_t>(all.tokens[i])];
  tape.reset();
  return total / static_cast<double>(all.tokens.size());
}

/// Texts as the network would write them, each until it ends or is too long.
std::vector<text> write(const writer& w, index count, const random_stream& random, nn::tape<float>& tape) {
  const auto nothing_to_learn = tape.no_gradients();
  std::vector<text> texts(static_cast<std::size_t>(count));
  std::vector<std::size_t> unfinished(texts.size());
  std::iota(unfinished.begin(), unfinished.end(), std::size_t{0});
  reading now;
  for (index length = 0; length < rules::longest && !unfinished.empty(); ++length) {
    now.clear(w.reach);
    for (const std::size_t t : unfinished) now.add_context(texts[t], length);
    const auto logits = tape.value(w.network.forward(tape, tape.constant(now.view())));
    for (std::size_t row = 0; row < unfinished.size(); ++row) {
      std::vector<double> shares = log_shares(&logits(static_cast<index>(row), 0));
      for (double& x : shares) x = std::exp(x);
      const double draw = random.uniform(unfinished[row] * rules::longest + static_cast<std::size_t>(length));
      texts[unfinished[row]].tokens.push_back(static_cast<std::int32_t>(rules::pick(shares, draw)));
    }
    std::erase_if(unfinished, [&](std::size_t t) { return texts[t].tokens.back() == rules::end; });
    tape.reset();
  }
  return texts;
}

// --- training ---

using clock = std::chrono::steady_clock;

/// What stays the same for everybody: the language, what there is to read, the tape.
struct classroom {
  static constexpr index texts_in_step = 20, evaluations = 40;

  explicit classroom(std::uint64_t seed_) : seed(seed_), language(seed) {
    const auto some = [&](index count, std::uint64_t stream) {
      std::vector<text> result;
      for (index i = 0; i < count; ++i)
        result.push_back(
            language.write(random_stream(random_stream(seed, stream).bits(static_cast<std::uint64_t>(i)))));
      return result;
    };
    training = some(100, 2), validation = some(200, 3), unread = some(2000, 4);
  }

  /// The part of the training set that step `step` reads: each text once in a pass, in an order that is the pass's own.
  std::vector<text> fixed(index step) const {
    const index in_pass = std::ssize(training) / texts_in_step;
    std::vector<index> order(training.size());
    std::iota(order.begin(), order.end(), index{0});
    distill::shuffle(std::span(order), random_stream(seed + 1, static_cast<std::uint64_t>(step / in_pass)));
    std::vector<text> result;
    for (index i = 0; i < texts_in_step; ++i)
      result.push_back(
          training[static_cast<std::size_t>(order[static_cast<std::size_t>(step % in_pass * texts_in_step + i)])]);
    return result;
  }
  /// `count` new texts, the same for the same number.
  std::vector<text> written_by(const writer& w, index count, index number) {
    return write(w, count, random_stream(seed + 2, static_cast<std::uint64_t>(number)), tape);
  }

  std::uint64_t seed;
  rules language;
  std::vector<text> training, validation, unread;
  nn::tape<float> tape;  // of one thread: networks as small as these are done before a second one wakes up
};

/// Steps of a recipe on texts. Without a teacher the recipe has to be one of labels alone.
class lessons {
 public:
  lessons(classroom& room, writer& student, const writer* teacher, method_of& method)
      : room_(room),
        student_(student),
        teacher_(teacher),
        method_(method),
        learned_(learned_by(method, student.network)) {}

  void step(const std::vector<text>& texts, double rate) {
    own_.set(texts, student_.reach);
    distill::lesson<float> l{.input = own_.view(), .labels = own_.tokens, .classes = own_.tokens};
    if (teacher_ != nullptr) {
      const auto nothing_to_learn = room_.tape.no_gradients();
      others_.set(texts, teacher_->reach);
      const nn::variable logits = teacher_->network.forward(room_.tape, room_.tape.constant(others_.view()));
      l.teacher = room_.tape.value(logits).matrix();
    }
    learn(method_, student_.network, learned_, l, optimiser_, rate, room_.tape);
  }

 private:
  classroom& room_;
  writer& student_;
  const writer* teacher_;
  method_of& method_;
  std::vector<nn::parameter<float>*> learned_;
  nn::adam<float> optimiser_;
  reading own_, others_;
};

/// Reads a stream of sentences, none twice.
void raise(classroom& room, writer& teacher, index steps) {
  method_of labels({.kd_ratio = 0, .step = 0});
  lessons lesson(room, teacher, nullptr, labels);
  const nn::cosine_schedule rate{.peak = 3e-3, .steps = steps, .warm_up = steps / 20};
  std::vector<text> texts(64);
  for (index step = 0; step < steps; ++step) {
    const random_stream seeds(room.seed + 3, static_cast<std::uint64_t>(step));
    for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = room.language.write(random_stream(seeds.bits(i)));
    lesson.step(texts, rate(step));
  }
}

/// Trains on texts where the recipe takes them from, asks the validation set now and then, and leaves the student as it
/// was when its answer was the best. Returns the share of steps on texts of the student's own.
double train(classroom& room, writer& student, const writer* teacher, method_of& method, index steps, double peak) {
  lessons lesson(room, student, teacher, method);
  const nn::cosine_schedule rate{.peak = peak, .steps = steps, .warm_up = steps / 20};
  const std::vector<nn::parameter<float>*> parameters = student.network.parameters();
  std::vector<float> best;
  double lowest = std::numeric_limits<double>::infinity();
  const auto evaluate = [&] {
    const double loss = surprise(student, room.validation, room.tape);
    method.threshold.evaluated(loss);
    if (loss < lowest) lowest = loss, best = nn::flat_values(parameters);
  };
  evaluate();
  index own = 0;
  for (index step = 0; step < steps; ++step) {
    const double progress = static_cast<double>(step) / static_cast<double>(steps);
    own += method.source(step, progress) != distill::sequence_source::fixed;
    lesson.step(method.sequences(
                    step, progress, room.texts_in_step, [&] { return room.fixed(step); },
                    [&] { return room.written_by(student, room.texts_in_step, step + 1); }),
                rate(step));
    if ((step + 1) * room.evaluations / steps > step * room.evaluations / steps) evaluate();
  }
  nn::assign_values<float>(parameters, best);
  return static_cast<double>(own) / static_cast<double>(steps);
}

/// What the grammar says of it. New: accepted, and not in the training set.
outcome judged(classroom& room, const std::string& variant, const writer& w, double seconds) {
  const std::vector<text> own = room.written_by(w, 2000, 0);
  double accepted = 0, fresh = 0;
  for (const text& t : own) {
    if (!room.language.accepts(t)) continue;
    ++accepted;
    fresh += std::find(room.training.begin(), room.training.end(), t) == room.training.end();
  }
  const double percent = 100 / static_cast<double>(own.size());
  return {variant,
          {{"nats per token", surprise(w, room.unread, room.tape)},
           {"accepted %", percent * accepted},
           {"accepted and new %", percent * fresh}},
          seconds};
}

}  // namespace

std::vector<outcome> grammar(const task_settings& settings) {
  classroom room(settings.seed);
  const index pass = std::ssize(room.training) / room.texts_in_step;
  const index steps = pass * (settings.epochs > 0 ? settings.epochs : 400), first_steps = 30 * pass;
  std::vector<outcome> results;
  const auto since = [](clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  };

  double nats = 0, tokens = 0;
  for (const text& t : room.unread) nats += room.language.surprise(t), tokens += static_cast<double>(t.tokens.size());
  results.push_back({"the grammar itself", {{"nats per token", nats / tokens}}});

  clock::time_point start = clock::now();
  writer teacher(12, 16, 256, settings.seed);
  raise(room, teacher, 3000);
  results.push_back(judged(room, "teacher", teacher, since(start)));

  // All students are one and the same, which has learned for a while on its own.
  using distill::recipes::skewed;
  const distill::recipes::distillm_options alone{.kd_ratio = 0, .step = 0};
  const auto new_student = [&] { return writer(8, 8, 48, settings.seed + 1); };
  writer first = new_student();
  method_of labels(alone);
  train(room, first, nullptr, labels, first_steps, 3e-3);
  const std::vector<float> begun = nn::flat_values(first.network.parameters());

  struct variant {
    const char* name;
    bool taught;
    distill::recipes::distillm_options options;
  };
  // The validation loss falls all the time, by less than a nat from one evaluation to the next: with the published
  // tolerance φ stays 0 and what is left of the method is the skewed divergence; with −1 φ grows after each of them.
  for (const variant& v :
       {variant{"plain", false, alone}, variant{"forward KL", true, {.lambda = 0, .step = 0}},
        variant{"DistiLLM, tolerance 0.1", true, {.seed = settings.seed}},
        variant{"DistiLLM", true, {.tolerance = -1, .seed = settings.seed}},
        variant{"DistiLLM, reverse", true, {.direction = skewed::reverse, .tolerance = -1, .seed = settings.seed}}}) {
    start = clock::now();
    writer student = new_student();
    nn::assign_values<float>(student.network.parameters(), begun);
    method_of method(v.options);
    const double own = train(room, student, v.taught ? &teacher : nullptr, method, steps, 3e-3);
    results.push_back(judged(room, v.name, student, since(start)));
    results.back().measures.push_back({"own texts %", 100 * own});
  }
  return results;
}

}  // namespace example
