// The main job: a teacher learns Fashion-MNIST from all labels; a small student learns from 1 000 of them, once alone
// and once with the teacher's help on the 59 000 unlabelled images. Everything else is equal: steps, batch, schedule,
// rate.
#include <cstdio>
#include <distill/catalogue.hpp>
#include <distill/nn/criterion.hpp>
#include <functional>

#include "support/command_line.hpp"
#include "support/networks.hpp"
#include "support/report.hpp"

namespace {

using distill::index;
using namespace example;

struct settings {
  std::string objective = "kl", teacher = "wide_mlp", student = "tiny_mlp";
  double temperature = 2;
  int epochs = 4, students = 5, threads = 0;
  std::uint64_t seed = 1;
  std::string data = "/usr/share/datasets/fashion-mnist", output = "out";
  bool full_labels = false;

  index labelled() const { return full_labels ? 60000 : 1000; }
};

constexpr index batch_size = 128, labelled_in_batch = 32;  // the rest of a distilled batch is unlabelled
constexpr index curve_points = 16;

/// Records a loss on the tape and returns its value.
using recorded_loss = std::function<double(nn::tape<float>&, nn::variable, const image_batch&)>;

template <distill::row_objective X>
recorded_loss loss_of(const X& objective) {
  return [criterion = std::make_shared<nn::criterion<float, X>>(objective)](auto& tape, nn::variable logits,
                                                                            const auto& b) {
    nn::criterion_targets<float> targets{.labels = b.labels};
    if (!b.teacher.empty()) targets.teacher = as_matrix(b.teacher);
    targets.options.reduction = distill::reduction::mean_valid();  // each term over the images that it applies to
    return double((*criterion)(tape, logits, targets));
  };
}

/// 0.9 · objective + 0.1 · cross_entropy for the objective of that name; throws a sentence that lists the names.
recorded_loss distillation_loss(const settings& s) {
  recorded_loss result;
  std::string names;
  distill::catalogue::each([&]<class O>(O objective) {
    if constexpr (O::info.uses_teacher) {
      names += (names.empty() ? "" : ", ") + std::string(O::info.name);
      if (s.objective != O::info.name) return;
      if constexpr (requires { objective.temperature; }) objective.temperature = s.temperature;
      result = loss_of(0.9 * objective + 0.1 * distill::cross_entropy{});
    }
  });
  if (!result) throw std::invalid_argument("--objective: there is no " + s.objective + "; known: " + names);
  return result;
}

std::vector<index> every_image(const labelled_images& images) {
  std::vector<index> all(static_cast<std::size_t>(images.size()));
  std::iota(all.begin(), all.end(), index(0));
  return all;
}

class main_job {
 public:
  explicit main_job(const settings& s)
      : settings_(s),
        teacher_(network_called(s.teacher, "--teacher")),
        student_(network_called(s.student, "--student")),
        distilled_loss_(distillation_loss(s)),
        plain_loss_(loss_of(distill::cross_entropy{})),
        train_(read_images(s.data, "train")),
        test_(read_images(s.data, "t10k")),
        tape_({.threads = s.threads}),
        student_steps_(s.epochs * train_.size() / batch_size),
        teacher_steps_(2 * student_steps_),
        bar_(teacher_.work * static_cast<double>(teacher_steps_) +
             student_.work * static_cast<double>(2 * s.students * student_steps_)) {
    if (student_steps_ < 1)
      throw std::invalid_argument("--data: " + std::to_string(train_.size()) + " images make no step of " +
                                  std::to_string(batch_size) + " in --epochs " + std::to_string(s.epochs));
  }

  std::vector<network_results> run() {
    network_results teacher{.name = "teacher", .id = "teacher"}, plain{.name = "plain", .id = "plain"},
        distilled{.name = "distilled", .id = "distilled"};
    train_teacher(teacher);
    for (int student = 0; student < settings_.students; ++student) {
      train_student(plain, student, false);
      train_student(distilled, student, true);
    }
    bar_.clear();
    return {teacher, plain, distilled};
  }
  double seconds() const { return bar_.seconds(); }

 private:
  void train_teacher(network_results& results) {
    bar_.phase("teacher");
    nn::network<float> net = teacher_.make(settings_.seed * 1000);
    sampler images(every_image(train_), settings_.seed * 1000 + 10);
    train(
        net, {.steps = teacher_steps_, .learning_rate = teacher_.rate, .work = teacher_.work}, test_, tape_, bar_,
        [&](image_batch& batch) {
          for (index i = 0; i < batch_size; ++i) batch.add(train_, images.next(), true, nullptr);
        },
        plain_loss_);
    teacher_train_ = predict(net, train_.matrix(), tape_);
    teacher_test_ = predict(net, test_.matrix(), tape_);
    record(results, teacher_test_);
  }

  /// Plain and distilled student of one seed share the labelled images, the initial weights and the schedule.
  void train_student(network_results& results, int student, bool distil) {
    bar_.phase("student " + std::to_string(student + 1) + "/" + std::to_string(settings_.students) +
               (distil ? " distilled" : " plain"));
    const std::uint64_t seed = (settings_.seed * 100 + static_cast<std::uint64_t>(student)) * 10;
    std::vector<index> all = every_image(train_);
    distill::shuffle(std::span(all), distill::random_stream(seed));
    const auto split = all.begin() + std::min<index>(settings_.labelled(), train_.size());
    sampler labelled({all.begin(), split}, seed + 1), unlabelled({split, all.end()}, seed + 2);
    const index with_label = !distil || split == all.end() ? batch_size : labelled_in_batch;
    nn::network<float> net = student_.make(seed + 3);
    results.curves.push_back(train(
        net,
        {.steps = student_steps_, .learning_rate = student_.rate, .curve_points = curve_points, .work = student_.work},
        test_, tape_, bar_,
        [&](image_batch& batch) {
          const logit_table* teacher = distil ? &teacher_train_ : nullptr;
          for (index i = 0; i < batch_size; ++i) {
            const bool has_label = i < with_label;
            batch.add(train_, has_label ? labelled.next() : unlabelled.next(), has_label, teacher);
          }
        },
        distil ? distilled_loss_ : plain_loss_));
    record(results, predict(net, test_.matrix(), tape_));
  }

  void record(network_results& results, const logit_table& logits) const {
    results.runs.emplace_back(logits, teacher_test_, test_);
    results.reliability.push_back(distill::calibration(as_matrix(logits), test_.labels));
  }

  settings settings_;
  const known_network &teacher_, &student_;
  recorded_loss distilled_loss_, plain_loss_;
  labelled_images train_, test_;
  nn::tape<float> tape_;
  index student_steps_, teacher_steps_;
  progress bar_;
  logit_table teacher_train_, teacher_test_;
};

void print_gain(const network_results& plain, const network_results& distilled) {
  std::vector<double> gains;
  for (std::size_t i = 0; i < plain.runs.size(); ++i)
    gains.push_back(100 * (distilled.runs[i].accuracy - plain.runs[i].accuracy));
  const estimate gain(gains);
  std::printf("\ndistillation gains %s points of accuracy", gain.text("%.2f").c_str());
  if (gain.count > 1 && gain.error > 0)
    std::printf(", %.1f standard errors, over %zu paired seeds", gain.mean / gain.error, gain.count);
  std::printf("\n");
}

settings read_settings(int argc, char** argv) {
  settings s;
  CLI::App app("Distils a small student from a teacher on Fashion-MNIST, where 1 000 images are labelled");
  app.add_option("--objective", s.objective, "the distillation objective; an unknown name lists them")
      ->capture_default_str();
  app.add_option("--temperature", s.temperature, "of the distillation objective")->capture_default_str();
  app.add_option("--teacher", s.teacher, "a network; an unknown name lists them")->capture_default_str();
  app.add_option("--student", s.student, "another one, of any kind")->capture_default_str();
  app.add_option("--epochs", s.epochs, "a student's passes over 60 000 images; the teacher makes twice as many")
      ->capture_default_str()
      ->check(within(1, 1000));
  app.add_option("--seed", s.seed, "of everything random")->capture_default_str()->check(a_seed());
  app.add_option("--students", s.students, "pairs of students, each with a seed of its own")
      ->capture_default_str()
      ->check(within(1, 1000));
  app.add_option("--data", s.data, "folder with the four IDX files")->capture_default_str();
  app.add_option("--output", s.output, "folder for pictures and their numbers")->capture_default_str();
  app.add_option("--threads", s.threads, "0: every core")->capture_default_str()->check(within(0, 1024));
  app.add_flag("--full-labels", s.full_labels, "students see all 60 000 labels; plain training often wins there");
  parse(app, argc, argv);
  if (!(s.temperature > 0 && s.temperature <= 1e6))
    throw std::invalid_argument("--temperature: is " + distill::detail::text(s.temperature) +
                                ", must be positive and at most 1000000");
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("distil_fashion_mnist", [&] {
    const settings s = read_settings(argc, argv);
    main_job job(s);
    check_output(std::filesystem::path(s.output) / "curves.csv");
    const std::vector<network_results> networks = job.run();
    print_table(networks);
    print_gain(networks[1], networks[2]);
    if (s.full_labels)
      std::printf("with every image labelled the teacher has little to add: plain training often wins\n");
    const std::string title =
        "Student on " + std::to_string(s.labelled()) + " labels: alone, and distilled with " + s.objective;
    std::printf("\n%.0f s; written:", job.seconds());
    bool pictures = false;
    for (const auto& file : write_report(s.output, networks, title)) {
      std::printf(" %s", file.string().c_str());
      pictures = pictures || file.extension() == ".png";
    }
    std::printf("\n%s", pictures ? "" : "no pictures: gnuplot is missing or failed\n");
    return 0;
  });
}
