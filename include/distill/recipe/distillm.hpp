// DistiLLM.
#pragma once

#include <cstdint>
#include <vector>

#include "../config.hpp"
#include "../core/random.hpp"
#include "../nn/criterion.hpp"
#include "../nn/reshape.hpp"
#include "../objective/cross_entropy.hpp"
#include "../objective/skew_kl.hpp"
#include "../objective/skew_reverse_kl.hpp"
#include "../schedule/generation_threshold.hpp"
#include "../state/replay_buffer.hpp"
#include "info.hpp"
#include "recipe.hpp"

DISTILL_NAMESPACE_BEGIN
namespace recipes {

/// What to minimise: KL(p_t‖λ p_t + (1−λ) p_s) or KL(p_s‖(1−λ) p_t + λ p_s).
enum class skewed { forward, reverse };

/// As published.
struct distillm_options {
  skewed direction = skewed::forward;
  double lambda = 0.1;     ///< in [0, 1); 0: KL and reverse KL themselves
  double kd_ratio = 1;     ///< κ in [0, 1]
  double threshold = 0;    ///< φ at the beginning
  double step = 0.1;       ///< by which φ grows
  double tolerance = 0.1;  ///< by how much the validation loss must have grown
  fresh_share share = fresh_share::decreasing;
  index capacity = 1000;  ///< of the replay buffer
  std::uint64_t seed = 0;
};

/// DistiLLM: a student that writes learns token by token from a skewed divergence, more and more on sequences of its
/// own, new ones and remembered ones.
///
///     L = κ · mean over tokens of SKL(t, s)  +  (1 − κ) · mean over known tokens of −log p_s[y]
///
///     recipes::distillm<float> method;
///     method.threshold.evaluated(loss_on_validation_set);           // before the first step, and now and then
///     …
///     const auto texts = method.sequences(step, progress, 32, fixed, write);
///     …                                                             // make a lesson of them
///     learn(method, student, learned, lesson, adam, rate, tape);
///
/// A row of the lesson is a token: teacher is tokens × vocabulary, classes the token that follows, `unlabelled` (−100)
/// where the row teaches nothing (padding, prompts); labels the same where the token is known to be right, for κ < 1.
/// Without classes, labels take their place; without either, every row counts. A classifier's samples are such rows.
/// No row that counts: value 0, gradient 0. Logits of shape batch × tokens × vocabulary are read as their rows.
///
/// The published code lets the student's own tokens be labels for κ < 1; here that is the caller's choice.
/// Source: Ko et al. 2024, arXiv 2402.03898, algorithm 1, as coded (losses.py, finetune.py).
template <class T>
class distillm : public recipe<T> {
 public:
  static constexpr recipe_info info{.name = "distillm",
                                    .title = "DistiLLM",
                                    .idea = "skewed KL, more and more on what the student writes itself",
                                    .source = "arXiv 2402.03898",
                                    .how = closeness::code};
  using options = distillm_options;
  using sequence = replay_buffer::sequence;

  /// @throws argument_error  what lies outside its range
  explicit distillm(const options& o = {})
      : threshold{.value = o.threshold, .step = o.step, .tolerance = o.tolerance, .share = o.share},
        replay(o.capacity),
        options_(o),
        forward_(o.kd_ratio * skew_kl{.lambda = o.lambda}),
        reverse_(o.kd_ratio * skew_reverse_kl{.lambda = o.lambda}),
        known_((1 - o.kd_ratio) * cross_entropy{.ignore_index = lesson<T>::unlabelled}) {
    if (!(o.lambda >= 0 && o.lambda < 1)) fail("distillm: lambda is ", o.lambda, ", must lie in [0, 1)");
    if (!(o.kd_ratio >= 0 && o.kd_ratio <= 1)) fail("distillm: kd_ratio is ", o.kd_ratio, ", must lie in [0, 1]");
    threshold.validate();
  }

  double record(nn::tape<T>& tape, nn::network<T>& student, const lesson<T>& lesson) override {
    nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    if (const nn::tensor_shape s = tape.shape(logits); s.rank() == 3)
      logits = nn::reshape(tape, logits, {s[0] * s[1], s[2]});
    nn::criterion_targets<T> targets{.teacher = lesson.teacher, .labels = lesson.labels};
    targets.options.reduction = reduction::mean_valid();
    targets.options.mask = counted(lesson.classes ? lesson.classes : lesson.labels, tape.shape(logits)[0]);
    double loss = 0;
    if (options_.kd_ratio > 0)
      loss += options_.direction == skewed::forward ? forward_(tape, logits, targets).value
                                                    : reverse_(tape, logits, targets).value;
    if (options_.kd_ratio < 1) loss += known_(tape, logits, targets).value;
    return loss;
  }

  /// Where the sequences of step 0, 1, … come from. @throws argument_error  progress outside [0, 1]
  sequence_source source(index step, double progress) const {
    const double draw = random_stream(options_.seed).uniform(static_cast<std::uint64_t>(step));
    return threshold.source(draw, progress, replay.full());
  }

  /// The sequences of a step: those of the training set, fixed(); or new ones from the student, write(), which are
  /// kept; or `count` of those kept. Both functions return std::vector<sequence>. Allocates.
  /// @throws argument_error  progress outside [0, 1], a buffer that holds fewer than `count`
  template <class Fixed, class Write>
  std::vector<sequence> sequences(index step, double progress, index count, const Fixed& fixed, const Write& write) {
    const sequence_source from = source(step, progress);
    if (from == sequence_source::fixed) return fixed();
    if (from == sequence_source::replayed) {
      std::vector<sequence> chosen;
      for (const index age : replay.sample(count, random_stream(options_.seed, static_cast<std::uint64_t>(step) + 1)))
        chosen.push_back(replay[age]);
      return chosen;
    }
    std::vector<sequence> written = write();
    for (const sequence& s : written) replay.push(s);
    return written;
  }

  generation_threshold threshold;  ///< tell it of every evaluation
  replay_buffer replay;

 private:
  /// 1 for a row that has a class.
  index_view counted(const index_view& classes, index rows) {
    if (!classes) return {};
    if (classes.size() != rows)
      fail("distillm: classes has ", classes.size(), " entries, the student gives ", rows, " rows");
    mask_.resize(static_cast<std::size_t>(rows));
    for (index r = 0; r < rows; ++r) mask_[static_cast<std::size_t>(r)] = classes[r] != lesson<T>::unlabelled;
    return mask_;
  }

  options options_;
  nn::criterion<T, sum_of<skew_kl>> forward_;
  nn::criterion<T, sum_of<skew_reverse_kl>> reverse_;
  nn::criterion<T, sum_of<cross_entropy>> known_;
  std::vector<unsigned char> mask_;
};

}  // namespace recipes
DISTILL_NAMESPACE_END
