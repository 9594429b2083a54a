// Trains one network on Fashion-MNIST, as a program of your own would: data, network, optimiser, loop. Ctrl-C saves a
// checkpoint, --resume goes on from it as if nothing had been.
#include <cmath>
#include <cstdio>
#include <distill/data/horizontal_flip.hpp>
#include <distill/data/in_turn.hpp>
#include <distill/data/loader.hpp>
#include <distill/data/normalisation.hpp>
#include <distill/data/random_crop.hpp>
#include <distill/metric/accuracy.hpp>
#include <distill/metric/calibration.hpp>
#include <distill/metric/negative_log_likelihood.hpp>
#include <distill/nn/adamw.hpp>
#include <distill/nn/cosine_schedule.hpp>
#include <distill/nn/criterion.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/train/checkpoint.hpp>
#include <distill/train/loop.hpp>
#include <distill/train/model_file.hpp>
#include <distill/train/supervised_step.hpp>
#include <stdexcept>
#include <string>

#include "support/command_line.hpp"
#include "support/networks.hpp"
#include "support/training.hpp"

namespace {

using distill::index;
namespace data = distill::data;
namespace nn = distill::nn;
namespace train = distill::train;
using example::image_shape;

struct settings {
  std::string network = "mlp", data = "/usr/share/datasets/fashion-mnist", output = "out";
  int epochs = 0, threads = 0;
  index batch = 128;
  double rate = 0, weight_decay = 0.02;
  std::uint64_t seed = 1;
  bool resume = false;
};

int run(const settings& s) {
  const example::known_network& known = example::network_called(s.network, "--network");
  const int epochs = s.epochs > 0 ? s.epochs : known.epochs;
  const double rate = s.rate > 0 ? s.rate : known.rate;

  const example::image_files training = example::read_images(s.data, "train"),
                             test = example::read_images(s.data, "t10k");
  const auto normalise = data::normalisation::measure(training.view().features);
  const double black = -normalise.mean[0] / normalise.deviation[0];
  data::loader<float, std::uint8_t> batches(
      training.view(), {.batch = s.batch, .seed = s.seed, .drop_last = true, .ahead = s.threads != 1},
      data::in_turn(normalise, data::random_crop{image_shape, known.shift, black},
                    data::horizontal_flip{image_shape, known.mirror ? 0.5 : 0.0}));
  std::vector<float> test_pixels(test.images.bytes.begin(), test.images.bytes.end());
  normalise(std::span(test_pixels));

  nn::network<float> network = known.make(s.seed);
  const auto parameters = network.parameters();
  nn::tape<float> tape({.threads = s.threads});
  nn::adamw<float> optimiser({.weight_decay = s.weight_decay});
  nn::criterion<float, distill::cross_entropy> criterion(distill::cross_entropy{});
  const index steps = epochs * batches.batches_per_epoch();
  const nn::cosine_schedule schedule{.peak = rate, .steps = steps, .warm_up = steps / 20};
  const auto step = train::supervised_step(
      tape, network, optimiser, batches, schedule,
      [&](auto& on, nn::variable logits, const auto& batch) {
        return criterion(on, logits, {.labels = batch.labels}).value;
      },
      image_shape);

  const std::filesystem::path folder = s.output, checkpoint_file = folder / (s.network + ".checkpoint");
  train::loop_state state;
  train::curves curves({"epoch", "loss", "test accuracy"});
  train::checkpoint<float> all;
  all.add("network", network).add("optimiser", optimiser, parameters).add("loop", state).add("tape", tape);
  index batch = s.batch;
  std::uint64_t seed = s.seed;
  all.add("curves", curves).add("batch", batch).add("seed", seed);
  if (s.resume && !std::filesystem::exists(checkpoint_file))
    throw std::runtime_error("--resume: there is no " + checkpoint_file.string());
  if (s.resume) all.load(checkpoint_file);
  if (batch != s.batch || seed != s.seed)  // step n would be another one
    throw std::runtime_error("--resume: that run had --batch " + std::to_string(batch) + " --seed " +
                             std::to_string(seed) + ", not --batch " + std::to_string(s.batch) + " --seed " +
                             std::to_string(s.seed));
  if (state.step > steps)
    throw std::runtime_error("--resume: that run is at step " + std::to_string(state.step) + ", --epochs " +
                             std::to_string(epochs) + " ends at step " + std::to_string(steps));
  example::check_output(checkpoint_file);

  const auto test_logits = [&] {
    return example::predict(network, {test_pixels.data(), test.view().size(), image_shape.size()}, tape);
  };
  const auto accuracy = [&] { return 100 * distill::accuracy(example::as_matrix(test_logits()), test.labels.bytes); };
  train::progress bar(static_cast<double>(steps - state.step));
  bar.phase(s.network);
  std::printf("%s: %lld parameters, %lld steps of %lld images\n", s.network.c_str(),
              static_cast<long long>(nn::count_elements<float>(parameters)), static_cast<long long>(steps),
              static_cast<long long>(s.batch));
  const train::loop_end end =
      train::run(state,
                 {.epochs = epochs,
                  .steps_per_epoch = batches.batches_per_epoch(),
                  .items_per_step = static_cast<double>(s.batch),
                  .validate = accuracy,
                  .after_epoch =
                      [&](const train::epoch_report& report) {
                        bar.clear();
                        std::printf("epoch %2lld  loss %.4f  test accuracy %.2f %%\n",
                                    static_cast<long long>(report.epoch), report.loss, report.validation);
                        std::fflush(stdout);
                        if (!std::isfinite(report.loss))
                          throw std::runtime_error("the loss is no number any more, try a smaller --rate");
                        return true;
                      },
                  .file = checkpoint_file,
                  .save = [&](const std::filesystem::path& file) { all.save(file); },
                  .catch_interrupt = true,
                  .bar = &bar,
                  .record = &curves},
                 step);
  bar.clear();
  if (end == train::loop_end::interrupted) return 130;

  const example::logit_table logits = test_logits();
  const distill::matrix_view<const float> table = example::as_matrix(logits);
  std::printf("\n%s after %d epochs: test accuracy %.2f %%, NLL %.4f, ECE %.2f %%; %.0f s\n", s.network.c_str(), epochs,
              100 * distill::accuracy(table, test.labels.bytes),
              distill::negative_log_likelihood(table, test.labels.bytes),
              100 * distill::calibration(table, test.labels.bytes).expected_error, bar.seconds());
  const auto name = [&](const char* ending) { return folder / (s.network + ending); };
  train::save_model(name(".safetensors"), network);
  curves.save(name(".csv"));
  const bool drawn = curves.draw(name(".png"), "test accuracy", s.network + " on Fashion-MNIST");
  std::printf("written: %s, %s%s%s\n", name(".safetensors").c_str(), name(".csv").c_str(), drawn ? ", " : "",
              drawn ? name(".png").c_str() : "");
  return 0;
}

settings read_settings(int argc, char** argv) {
  settings s;
  CLI::App app("Trains a network on Fashion-MNIST");
  app.add_option("--network", s.network, "an unknown name lists them")->capture_default_str();
  app.add_option("--epochs", s.epochs, "0: what suits the network")->check(example::within(0, 1000));
  app.add_option("--rate", s.rate, "the largest learning rate; 0: what suits the network")
      ->check(example::within(0, 1));
  app.add_option("--weight-decay", s.weight_decay, "of AdamW")->capture_default_str()->check(example::within(0, 1));
  app.add_option("--batch", s.batch, "images a step")->capture_default_str()->check(example::within(1, 60000));
  app.add_option("--seed", s.seed, "of everything random")->capture_default_str()->check(example::a_seed());
  app.add_option("--threads", s.threads, "0: every core")->check(example::within(0, 1024));
  app.add_option("--data", s.data, "folder with the four IDX files")->capture_default_str();
  app.add_option("--output", s.output, "folder for the network, its curve and its checkpoint")->capture_default_str();
  app.add_flag("--resume", s.resume, "goes on from the checkpoint in the output folder");
  example::parse(app, argc, argv);
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("train_fashion_mnist", [&] { return run(read_settings(argc, argv)); });
}
