#include <distill/distill.hpp>
#include <distill/train/model_file.hpp>

int main(int argc, char** argv) {
  using namespace distill;
  const std::string folder = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
  const idx_file images = read_idx(folder + "/train-images-idx3-ubyte.gz", 3);
  const idx_file labels = read_idx(folder + "/train-labels-idx1-ubyte.gz", 1);
  const matrix_view<const std::uint8_t> pixels(images.bytes.data(), std::ssize(images.bytes) / 784, 784);
  data::loader<float, std::uint8_t> batches({pixels, labels.bytes}, {.batch = 128, .seed = 1, .ahead = true},
                                            data::normalisation::measure(pixels));
  auto student = nn::mlp<float>({.hidden = {256, 128}, .seed = 1});
  nn::tape<float> tape({.threads = 2});
  nn::adam<float> optimiser;
  nn::criterion<float, cross_entropy> criterion(cross_entropy{});
  const auto loss = [&](auto& t, auto logits, auto& b) { return criterion(t, logits, {.labels = b.labels}).value; };
  const nn::cosine_schedule rate{.peak = 2e-3, .steps = 4 * batches.batches_per_epoch()};
  train::loop_state state;
  train::progress bar(static_cast<double>(rate.steps));
  train::run(state, {.epochs = 4, .steps_per_epoch = batches.batches_per_epoch(), .items_per_step = 128, .bar = &bar},
             train::supervised_step(tape, student, optimiser, batches, rate, loss));
  train::save_model("student.safetensors", student);
}
