// Loops, curves, checkpoints; processes that are killed and go on.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <distill/data/gaussian_noise.hpp>
#include <distill/nn/adam.hpp>
#include <distill/nn/batch_norm.hpp>
#include <distill/nn/constant_schedule.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/dropout.hpp>
#include <distill/nn/linear.hpp>
#include <distill/nn/relu.hpp>
#include <distill/nn/sgd.hpp>
#include <distill/state/centre.hpp>
#include <distill/train/checkpoint.hpp>
#include <distill/train/loop.hpp>
#include <distill/train/model_file.hpp>
#include <distill/train/supervised_step.hpp>

#include "io/support.hpp"
#include "nn/support.hpp"

namespace train_tests {

namespace data = distill::data;
namespace nn = distill::nn;
namespace train = distill::train;
namespace fs = std::filesystem;
using distill::index;
using harness::message_of;
using io_tests::scratch;

constexpr index rows = 40, features = 6;

nn::sequential<float> make_model(std::uint64_t seed) {
  nn::sequential<float> model;
  model.add(nn::linear<float>{features, 9, seed});
  model.add(nn::relu<float>{});
  model.add(nn::linear<float>{9, 3, seed + 1});
  return model;
}

/// One training run, made anew from seeds: everything that a process has in memory.
template <class Optimiser>
struct training {
  nn::tensor<float> x = nn_tests::random_tensor<float>({rows, features}, 3);
  nn::sequential<float> model = make_model(7);
  Optimiser optimiser;
  nn::tape<float> tape;
  data::loader<float> batches;
  distill::centre<float> centre{3};
  train::loop_state state;
  train::checkpoint<float> run;

  explicit training(Optimiser o)
      : optimiser(std::move(o)),
        batches({{x.data(), rows, features}, {}}, {.batch = 12, .seed = 4, .ahead = true}, data::gaussian_noise{0.2}) {
    model.add(nn::batch_norm<float>{3});
    model.add(nn::dropout<float>{0.3, 5});
    run.add("model", model).add("optimiser", optimiser, model.parameters()).add("tape", tape);
    run.add("loop", state).add("centre", centre);
  }

  /// Three epochs of four steps, or until a step of the last one.
  void go(index until) {
    const nn::cosine_schedule rate{.peak = 0.05, .steps = 12, .warm_up = 3};
    const auto step = train::supervised_step(tape, model, optimiser, batches, rate,
                                             [&](nn::tape<float>& t, nn::variable y, const data::minibatch<float>&) {
                                               centre.update(t.value(y).matrix());
                                               return *t.value(nn_tests::quadratic_loss(t, y)).data;
                                             });
    const auto stop = [](const train::epoch_report&) { return true; };
    if (until == 12)
      CHECK(train::run(state, {.epochs = 3, .steps_per_epoch = 4, .after_epoch = stop}, step) ==
            train::loop_end::finished);
    else  // by hand, in the middle of an epoch
      for (; state.step < until; ++state.step) state.loss_sum += step(state.step);
  }
  std::vector<float> numbers() {
    std::vector<float> result(centre.values().data, centre.values().data + 3);
    for (const auto& list : {model.parameters(), model.buffers()})
      for (const nn::parameter<float>* p : list)
        result.insert(result.end(), p->value().data, p->value().data + p->size());
    optimiser.visit_memory(model.parameters(), [&](const std::string&, auto&& part) {
      if constexpr (requires { part.shape; })
        result.insert(result.end(), part.data, part.data + part.size());
      else
        result.push_back(static_cast<float>(part));
    });
    return result;
  }
};

template <class Optimiser, class Options>
void resumes(const Options& options) {
  const scratch tmp;
  training<Optimiser> whole((Optimiser(options))), first((Optimiser(options)));
  whole.go(12);
  first.go(6);
  first.run.save(tmp.path());
  first.go(8);  // lost
  training<Optimiser> second((Optimiser(options)));
  second.model.parameters()[0]->value().data[0] = 99;
  second.run.load(tmp.path());
  CHECK(second.state.step == 6);
  CHECK(second.tape.noise() == 6);
  second.go(12);
  const std::vector<float> expected = whole.numbers(), got = second.numbers();
  REQUIRE(expected.size() == got.size());
  CHECK(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0);
  CHECK(whole.state.loss_sum == second.state.loss_sum);
}

TEST_CASE("checkpoint: a resumed run ends with the bits of one that was not stopped") {
  resumes<nn::sgd<float>>(nn::sgd_options{.momentum = 0.9, .weight_decay = 1e-3, .nesterov = true});
  resumes<nn::adam<float>>(nn::adam_options{.weight_decay = 0.01});
}

TEST_CASE("checkpoint: names, numbers of every kind, and what does not fit is named before anything changes") {
  const scratch tmp;
  index count = 5;
  std::uint64_t seed = ~std::uint64_t{0};
  double rate = 0.1;
  bool flag = true;
  auto linear = nn::linear<double>(2, 3, 1);
  train::checkpoint<double> out;
  out.add("count", count).add("seed", seed).add("rate", rate).add("flag", flag).add("layer", linear);
  out.save(tmp.path(), {{"note", "ä"}});
  const distill::safetensors_file file = distill::read_safetensors(tmp.path());
  CHECK(file.metadata.at("note") == "ä");
  CHECK(file.find("layer.weight")->text() == "F64 2×3");
  CHECK(file.find("flag")->text() == "BOOL");
  count = 0, seed = 0, rate = 0, flag = false;
  out.load(tmp.path());
  CHECK(count == 5);
  CHECK(seed == ~std::uint64_t{0});
  CHECK(rate == 0.1);
  CHECK(flag);

  auto wider = nn::linear<double>(2, 4, 1);
  double other = 7;
  train::checkpoint<double> in;
  in.add("count", count).add("rate", seed).add("other", other).add("layer", wider);
  count = 3;
  CHECK_THROWS_WITH_AS(in.load(tmp.path()),
                       ("distill: " + tmp.path().string() +
                        ": 'rate' is F64, U64 expected, 'layer.weight' is F64 2×3, F64 2×4 expected, 'layer.bias' is "
                        "F64 3, F64 4 expected; missing: 'other'; unexpected: 'seed', 'flag'")
                           .c_str(),
                       distill::file_error);
  CHECK(count == 3);

  train::checkpoint<double> twice;
  twice.add("rate", rate).add("rate", other);
  CHECK_THROWS_AS(twice.save(tmp.path()), distill::file_error);
  train::checkpoint<double> once;
  once.add("rate", rate);
  once.save(tmp.path());
  CHECK_THROWS_AS(twice.load(tmp.path()), distill::file_error);
  out.save(tmp.path());
  CHECK_NOTHROW(out.load(tmp.path()));

  // A state that is not of its kind: the arrays keep their values.
  distill::centre<float> centre(4);
  train::checkpoint<double> state;
  state.add("rate", rate).add("state", centre);
  state.save(tmp.path());
  std::string content = tmp.content();
  content.replace(content.find("centre"), 6, "centra");
  rate = 9;
  tmp.holding(content);
  CHECK_THROWS_AS(state.load(tmp.path()), distill::file_error);
  CHECK(rate == 9);
}

TEST_CASE("checkpoint: killed at any moment, the file is the old or the new one") {
  const scratch tmp;
  auto layer = nn::linear<float>(200, 200, 1);
  index round = 0;
  train::checkpoint<float> run;
  run.add("layer", layer).add("round", round);
  const auto fill = [&] {
    layer.weight().value().data[0] = layer.bias().value().data[199] = static_cast<float>(round);
  };
  fill();
  run.save(tmp.path());
  const distill::random_stream random(5);
  for (std::uint64_t attempt = 0; attempt < 25; ++attempt) {
    const index before = round;
    const pid_t child = fork();
    if (child == 0) {
      for (;;) {
        ++round;
        fill();
        run.save(tmp.path());
      }
    }
    REQUIRE(child > 0);
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random.below(20000, attempt)));
    kill(child, SIGKILL);
    REQUIRE(waitpid(child, nullptr, 0) == child);
    run.load(tmp.path());
    CHECK(round >= before);
    CHECK(layer.weight().value().data[0] == static_cast<float>(round));
    CHECK(layer.bias().value().data[199] == static_cast<float>(round));
  }
  CHECK(round > 0);
  run.save(tmp.path());
  CHECK(tmp.alone());
}

TEST_CASE("save_model, load_model: parameters and buffers; what does not fit is named") {
  const scratch tmp;
  auto model = make_model(1), other = make_model(2);
  train::save_model(tmp.path(), model, {{"task", "test"}});
  train::load_model(tmp.path(), other);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto a = model.parameters()[i]->value(), b = other.parameters()[i]->value();
    CHECK(std::memcmp(a.data, b.data, static_cast<std::size_t>(a.size()) * sizeof(float)) == 0);
  }
  const std::string path = "distill: " + tmp.path().string() + ": ";
  nn::sequential<float> smaller;
  smaller.add(nn::linear<float>{features, 8, 1});
  CHECK_THROWS_WITH_AS(
      train::load_model(tmp.path(), smaller),
      (path + "'0.weight' is F32 6×9, F32 6×8 expected, '0.bias' is F32 9, F32 8 expected; unexpected: "
              "'2.bias', '2.weight'")
          .c_str(),
      distill::file_error);
  auto in_double = nn::linear<double>(features, 9, 1);
  in_double.place_at("0");
  nn::sequential<float> first;
  first.add(nn::linear<float>{features, 9, 5});
  train::save_model(tmp.path(), first);
  CHECK_THROWS_WITH_AS(train::load_model(tmp.path(), in_double),
                       (path + "'0.weight' is F32 6×9, F64 6×9 expected, '0.bias' is F32 9, F64 9 expected").c_str(),
                       distill::file_error);
  train::load_model(tmp.path(), in_double, true);
  CHECK(in_double.weight().value().data[5] == static_cast<double>(first.parameters()[0]->value().data[5]));
}

TEST_CASE("run: epochs, validation, record, patience, the end that was asked for") {
  train::curves record({"epoch", "loss", "validation"});
  train::loop_state state;
  std::vector<train::epoch_report> reports;
  const std::vector<double> validations{0.5, std::nan(""), 0.7, 0.6, 0.7, 0.9};
  std::size_t epoch = 0;
  index saved = 0;
  const train::loop_options options{.epochs = 6,
                                    .steps_per_epoch = 2,
                                    .validate = [&] { return validations[epoch++]; },
                                    .patience = 2,
                                    .after_epoch =
                                        [&](const train::epoch_report& r) {
                                          reports.push_back(r);
                                          return true;
                                        },
                                    .file = "a",
                                    .save = [&](const fs::path&) { ++saved; },
                                    .record = &record};
  const auto loss = [](index n) { return static_cast<double>(n); };
  CHECK(train::run(state, options, loss) == train::loop_end::no_better);
  CHECK(state.step == 10);
  CHECK(state.best == 0.7);
  CHECK(state.best_epoch == 3);
  CHECK(saved == 5);
  REQUIRE(reports.size() == 5);
  CHECK(reports[2].loss == 4.5);
  CHECK(reports[2].best);
  CHECK_FALSE(reports[4].best);
  CHECK(record.values().rows == 5);
  CHECK(record.values()(2, 2) == 0.7);
  // A run that is resumed where it ended is at its end.
  CHECK(train::run(state, options, loss) == train::loop_end::no_better);
  CHECK(state.step == 10);

  train::loop_state again;
  train::loop_options stopping{.epochs = 5, .after_epoch = [](const train::epoch_report& r) { return r.epoch < 3; }};
  CHECK(train::run(again, stopping, loss) == train::loop_end::told_to);
  CHECK(again.step == 3);
  CHECK(train::run(again, {.epochs = 5}, loss) == train::loop_end::finished);
  CHECK(again.step == 5);
  CHECK(message_of([&] { train::run(again, {.epochs = 0}, loss); }) ==
        "distill: train::run: 0 epochs of 1 steps, at least 1 expected");
  CHECK(message_of([&] { train::run(again, {.patience = 1}, loss); }) ==
        "distill: train::run: patience 1 needs validate");
  CHECK(message_of([&] { train::run(again, {.save = [](const fs::path&) {}}, loss); }) ==
        "distill: train::run: save needs a file");
  // Before the first epoch rather than after it.
  CHECK(message_of([&] { train::run(again, {.file = "a"}, loss); }) == "distill: train::run: nothing saves to a");
  CHECK(message_of([&] { train::run(again, {.record = &record}, loss); }) ==
        "distill: train::run: the record has 3 columns, 2 expected");
}

TEST_CASE("supervised_step: rows of another size than the shape they are given are refused, not read beyond") {
  const nn::tensor<float> x = nn_tests::random_tensor<float>({rows, features}, 3);
  data::loader<float> batches({{x.data(), rows, features}, {}}, {.batch = 4});
  nn::sequential<float> model = make_model(7);
  nn::tape<float> tape;
  nn::sgd<float> optimiser;
  const auto step = train::supervised_step(
      tape, model, optimiser, batches, nn::constant_schedule{},
      [](nn::tape<float>&, nn::variable, const data::minibatch<float>&) { return 0.0f; }, {1, 4, 2});
  CHECK(message_of([&] { step(0); }) ==
        "distill: supervised_step: an image of 1 x 4 x 2 expected, the row has 6 elements");
}

/// What is written to stderr meanwhile.
template <class Call>
std::string said(const Call& call) {
  const scratch tmp;
  tmp.holding("");
  std::fflush(stderr);
  const int before = dup(STDERR_FILENO);
  REQUIRE(std::freopen(tmp.path().c_str(), "w", stderr) != nullptr);
  call();
  std::fflush(stderr);
  dup2(before, STDERR_FILENO);
  close(before);
  return tmp.content();
}

TEST_CASE("run: Ctrl-C ends it after the step and saves; a second one ends the process; nothing is printed unasked") {
  train::loop_state state;
  index saved_at = 0;
  train::loop_options options{.epochs = 2,
                              .steps_per_epoch = 10,
                              .file = "run.safetensors",
                              .save = [&](const fs::path&) { saved_at = state.step; },
                              .catch_interrupt = true};
  struct sigaction before {
  }, after{};
  sigaction(SIGINT, nullptr, &before);
  const auto interrupted_at = [](index at) {
    return [at](index n) {
      if (n == at) std::raise(SIGINT);
      return 0.0;
    };
  };
  CHECK(said([&] { CHECK(train::run(state, options, interrupted_at(3)) == train::loop_end::interrupted); }).empty());
  CHECK(state.step == 4);
  CHECK(saved_at == 4);
  sigaction(SIGINT, nullptr, &after);
  CHECK_UNARY(after.sa_handler == before.sa_handler);
  CHECK(said([&] {
          train::progress bar(20);
          options.bar = &bar;
          CHECK(train::run(state, options, interrupted_at(14)) == train::loop_end::interrupted);
        }) == "interrupted after step 15, checkpoint written to run.safetensors\n");
  options.bar = nullptr;
  CHECK(train::run(state, options, interrupted_at(100)) == train::loop_end::finished);

  const pid_t child = fork();
  if (child == 0) {
    train::loop_state own;
    train::run(own, options, [](index) {
      std::raise(SIGINT);
      std::raise(SIGINT);
      return 0.0;
    });
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
}

TEST_CASE("curves: to a file and back; a picture where gnuplot is; progress without a terminal is silent") {
  const scratch tmp;
  train::curves curves({"epoch", "loss, \"smooth\""});
  curves.add({1, 0.5});
  curves.add({2, 1.0 / 3});
  curves.save(tmp.path());
  const train::curves read = train::curves::load(tmp.path());
  CHECK(read.names() == curves.names());
  CHECK(read.values()(1, 1) == 1.0 / 3);
  train::checkpoint<float> run;
  run.add("curves", curves);
  run.save(tmp.path());
  curves.add({3, 0.25});
  run.load(tmp.path());
  CHECK(curves.values().rows == 2);
  CHECK(curves.values()(1, 1) == 1.0 / 3);
  train::curves wider({"epoch", "loss", "accuracy"});
  train::checkpoint<float> other;
  other.add("curves", wider);
  CHECK_THROWS_WITH_AS(other.load(tmp.path()), "distill: curves: columns is 2, must lie in [3, 3]",
                       distill::file_error);
  tmp.holding("");
  CHECK_THROWS_AS(train::curves::load(tmp.path()), distill::file_error);
  CHECK(message_of([&] { curves.add({1}); }) == "distill: curves: 1 values given, 2 expected");
  CHECK(message_of([&] { curves.draw("x.png", "accuracy"); }) == "distill: curves: there is no column accuracy");
  CHECK(message_of([] { train::curves({"x"}); }) == "distill: curves: 1 names given, at least 2 expected");
  const fs::path picture = tmp.path().parent_path() / "it's $(a) \"picture\".png";
  const bool drawn = curves.draw(picture, "loss, \"smooth\"", "it's");
  CHECK(drawn == fs::exists(picture));
  if (!drawn) MESSAGE("gnuplot is not installed");
  if (drawn) fs::remove(picture);
  CHECK(tmp.alone());
  CHECK(said([] {
          train::progress bar(10);
          bar.phase("teacher");
          bar.advance(5, 100, 0.5);
        }).empty());
}

}  // namespace train_tests
