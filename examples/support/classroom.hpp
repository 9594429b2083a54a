// The setting of scarce labels: a teacher that has seen every label, students that see a thousand.
#pragma once

#include <cstdint>
#include <distill/metric/calibration.hpp>
#include <distill/recipe/study.hpp>
#include <distill/train/progress.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "networks.hpp"
#include "training.hpp"

namespace example {

using distill::train::progress;

struct classroom_settings {
  std::string teacher = "wide_mlp", student = "tiny_mlp";
  int epochs = 4;         ///< a student's passes over all images; the teacher makes twice as many
  index labelled = 1000;  ///< images whose label a student is told
  std::uint64_t seed = 1;
  int threads = 0;
  std::string data = "/usr/share/datasets/fashion-mnist";
};

/// How a student is taught; by the labels alone if there is no method.
struct teaching {
  std::function<std::unique_ptr<distill::recipe<float>>(const distill::study<float>&, std::uint64_t seed)> method{};
  bool validates = false;  ///< a tenth of the labelled images is put aside
};

/// A network after its training.
struct graduate {
  scores result;
  distill::calibration_report reliability;
  std::vector<curve_point> curve{};  ///< test accuracy on the way
  double seconds_per_epoch = 0;
};

class classroom {
 public:
  /// Reads the data. Throws a sentence that names the flag.
  explicit classroom(const classroom_settings&);

  /// What training the teacher and a student counts on a bar.
  double teacher_work() const;
  double student_work() const;

  graduate raise_teacher(progress& bar);
  /// Student `number`: initial weights, labelled images and their order are those of the number, however it is taught.
  graduate teach(int number, const teaching& how, progress& bar);

 private:
  graduate judge(const logit_table& logits) const;

  classroom_settings settings_;
  const known_network &teacher_kind_, &student_kind_;
  fashion_mnist data_;
  nn::tape<float> tape_;
  index student_steps_;
  nn::network<float> teacher_;
  opinions said_;
  logit_table teacher_test_;
};

}  // namespace example
