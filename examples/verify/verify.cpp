// Checks somebody's gradient of a distillation loss against this library's, computed in double.
//
//   verify --objective kl --temperature 4 --student z_s.npy --teacher z_t.npy --gradient dz.npy --reduction mean
//
// Exit status: 0 the gradient is right (or none was given), 1 it is not, 2 the question makes no sense.
#include <algorithm>
#include <cstdio>
#include <distill/catalogue.hpp>
#include <distill/io/npy.hpp>
#include <distill/row/evaluate.hpp>
#include <functional>
#include <numeric>
#include <optional>

#include "../support/command_line.hpp"
#include "comparison.hpp"
#include "parameters.hpp"

namespace verify {
namespace {

using distill::matrix_view;

struct settings {
  std::string student, teacher, labels, mask, gradient, output;
  std::string objective = "kl", reduction = "mean", to = "student";
  double threshold = 0;
  index stored = 0;
  parameter_texts parameters;
};

/// A file's numbers as rows of its last axis.
struct table {
  std::string name;
  distill::npy_type type = distill::npy_type::float64;
  index rows = 0, columns = 0;
  std::vector<double> values;

  table(const std::string& option, const std::string& path) : name(option.substr(2)) {
    const distill::npy_array array = distill::read_npy(path);
    if (array.is_integer())
      throw std::invalid_argument(option + ": " + path + " holds integers, floating-point numbers expected");
    if (array.extents.empty() || array.extents.back() == 0)
      throw std::invalid_argument(option + ": " + path + " has no columns");
    type = array.type;
    columns = array.extents.back();
    rows = array.size() / columns;
    values = array.values<double>();
  }
  matrix_view<const double> view() const { return {values.data(), rows, columns}; }
  std::size_t at(index r, index c) const { return static_cast<std::size_t>(r * columns + c); }
};

std::vector<index> integers(const std::string& option, const std::string& path) {
  const distill::npy_array array = distill::read_npy(path);
  if (!array.is_integer())
    throw std::invalid_argument(option + ": " + path + " holds floating-point numbers, integers expected");
  return array.values<index>();
}

distill::reduction reduction_of(const std::string& name) {
  using distill::reduction;
  if (name == "none") return reduction::none();
  if (name == "sum") return reduction::sum();
  if (name == "mean") return reduction::mean();
  if (name == "mean_valid") return reduction::mean_valid();
  double count = 0;
  if (name.rfind("count=", 0) == 0) {
    parse("--reduction", name.substr(6), count);
    return reduction::count(count);
  }
  throw std::invalid_argument("--reduction: there is no " + name +
                              "; known: none, sum, mean, mean_valid, count=NUMBER");
}

/// The k largest classes of each row and the logarithms of their probabilities.
struct top_classes {
  index k;
  std::vector<index> classes;
  std::vector<double> log_p;

  top_classes(const table& teacher, index k_, double temperature) : k(std::min(k_, teacher.columns)) {
    std::vector<index> order(static_cast<std::size_t>(teacher.columns));
    for (index r = 0; r < teacher.rows; ++r) {
      std::vector<double> p(teacher.values.begin() + r * teacher.columns,
                            teacher.values.begin() + (r + 1) * teacher.columns);
      softmax(p.data(), teacher.columns, temperature);
      std::iota(order.begin(), order.end(), index(0));
      std::stable_sort(order.begin(), order.end(), [&](index a, index b) {
        return p[static_cast<std::size_t>(a)] > p[static_cast<std::size_t>(b)];
      });
      for (index j = 0; j < k; ++j) {
        classes.push_back(order[static_cast<std::size_t>(j)]);
        log_p.push_back(std::log(p[static_cast<std::size_t>(classes.back())]));
      }
    }
  }
};

class job {
 public:
  explicit job(const settings& s) : s_(s), student_("--student", s.student) {
    if (!s.teacher.empty()) teacher_.emplace("--teacher", s.teacher);
    if (!s.gradient.empty()) gradient_.emplace("--gradient", s.gradient);
    if (!s.labels.empty()) labels_ = integers("--labels", s.labels);
    if (!s.mask.empty()) mask_ = integers("--mask", s.mask);
    if (s.to != "student" && s.to != "teacher")
      throw std::invalid_argument("--to: there is no " + s.to + "; known: student, teacher");
    if (gradient_ && (gradient_->rows != student_.rows || gradient_->columns != student_.columns))
      throw std::invalid_argument("--gradient: " + std::to_string(gradient_->rows) + " x " +
                                  std::to_string(gradient_->columns) + ", --student is " +
                                  std::to_string(student_.rows) + " x " + std::to_string(student_.columns));
  }

  /// Evaluates, prints, and says whether the gradient is right.
  template <class O>
  bool run(O objective) {
    set_parameters(objective, s_.parameters);
    double temperature = 1, factor = 1;
    if constexpr (requires { objective.temperature; }) temperature = objective.temperature[0];
    if constexpr (requires { objective.scaling; })
      if (objective.scaling == distill::temperature_scaling::squared) factor = temperature * temperature;

    distill::batch<double> in;
    in.student = student_.view();
    if (teacher_) in.teacher = teacher_->view();
    if (labels_) in.labels = *labels_;
    std::optional<top_classes> stored;
    if (O::info.uses_stored) {
      if (!teacher_) throw std::invalid_argument("--teacher: " + std::string(O::info.name) + " needs it");
      if (s_.stored < 1)
        throw std::invalid_argument("--stored: " + std::string(O::info.name) + " needs the number of stored classes");
      stored.emplace(*teacher_, s_.stored, temperature);
      in.stored.classes = matrix_view<const index>(stored->classes.data(), teacher_->rows, stored->k);
      in.stored.log_p = matrix_view<const double>(stored->log_p.data(), teacher_->rows, stored->k);
    }
    distill::row_options options{.reduction = reduction_of(s_.reduction)};
    if (mask_) options.mask = *mask_;
    std::vector<double> ours(student_.values.size());
    distill::gradients<double> out;
    const matrix_view<double> to(ours.data(), student_.rows, student_.columns);
    if (s_.to == "student") out.student = to;
    if (s_.to == "teacher") out.teacher = to;
    const double value = distill::value_and_gradient(objective, in, out, options);

    std::printf("objective  %s: %s\n", std::string(O::info.name).c_str(), std::string(O::info.formula).c_str());
    std::printf("value      %.15g\n", value);
    if (!s_.output.empty()) distill::write_npy(s_.output, ours.data(), {student_.rows, student_.columns});
    return !gradient_ || right(ours, scales(temperature, factor));
  }

 private:
  /// T (p_s + p_t), or without T² that over T², times the row's share of the total.
  std::vector<double> scales(double temperature, double factor) const {
    std::vector<double> p = student_.values, other;
    if (teacher_ && teacher_->rows == student_.rows && teacher_->columns == student_.columns) other = teacher_->values;
    const double per_row = s_.reduction == "mean" || s_.reduction == "mean_valid"
                               ? 1.0 / static_cast<double>(std::max<index>(1, student_.rows))
                               : 1;
    for (index r = 0; r < student_.rows; ++r) {
      softmax(p.data() + r * student_.columns, student_.columns, temperature);
      if (!other.empty()) softmax(other.data() + r * student_.columns, student_.columns, temperature);
    }
    for (std::size_t i = 0; i < p.size(); ++i)
      p[i] = factor / temperature * per_row * (p[i] + (other.empty() ? 0 : other[i]));
    return p;
  }

  bool right(const std::vector<double>& ours, const std::vector<double>& scale) const {
    const precision type = precision_of(gradient_->type);
    const double threshold = s_.threshold > 0 ? s_.threshold : 100 * type.epsilon;
    const comparison c = compare(gradient_->values, ours, scale, type);
    const bool pass = c.not_finite == 0 && c.relative <= threshold;
    std::printf("gradient   relative error %.3g, threshold %.3g\n", c.relative, threshold);
    std::printf("worst      row %zu, column %zu: theirs %.9g, ours %.9g, %.3g ULP of %s\n",
                c.worst / static_cast<std::size_t>(student_.columns),
                c.worst % static_cast<std::size_t>(student_.columns), gradient_->values[c.worst], ours[c.worst],
                c.worst_ulp, type.name);
    if (c.not_finite > 0) std::printf("           %zu entries are infinite or NaN on one side\n", c.not_finite);
    if (!pass && c.residual <= threshold && std::abs(c.factor - 1) > threshold)
      std::printf("hint       theirs is %.6g times ours: a reduction or a T² that differs?\n", c.factor);
    std::printf("%s\n", pass ? "PASS" : "FAIL");
    return pass;
  }

  const settings& s_;
  table student_;
  std::optional<table> teacher_, gradient_;
  std::optional<std::vector<index>> labels_, mask_;
};

/// Runs the objective of that name; throws a sentence that lists the names.
bool run(const settings& s) {
  std::function<bool(job&)> chosen;
  std::string names;
  distill::catalogue::each([&]<class O>(const O& objective) {
    names += (names.empty() ? "" : ", ") + std::string(O::info.name);
    if (s.objective == O::info.name) chosen = [objective](job& j) { return j.run(objective); };
  });
  if (!chosen) throw std::invalid_argument("--objective: there is no " + s.objective + "; known: " + names);
  job j(s);
  return chosen(j);
}

settings parse_arguments(int argc, char** argv) {
  settings s;
  CLI::App app("Checks a gradient of a distillation loss, given as .npy files, against one computed in double");
  app.add_option("--objective", s.objective, "an unknown name lists them")->capture_default_str();
  app.add_option("--student", s.student, "logits; the last axis is the classes")->required();
  app.add_option("--teacher", s.teacher, "logits");
  app.add_option("--labels", s.labels, "class ids");
  app.add_option("--mask", s.mask, "integers, 0 removes a row");
  app.add_option("--gradient", s.gradient, "the gradient to check; without it the value alone is printed");
  app.add_option("--to", s.to, "whose gradient it is: student or teacher")->capture_default_str();
  app.add_option("--reduction", s.reduction, "none, sum, mean, mean_valid or count=NUMBER")->capture_default_str();
  app.add_option("--threshold", s.threshold,
                 "of the relative error; 0: 100 units of the last place of the gradient's type")
      ->capture_default_str();
  app.add_option("--stored", s.stored, "for top-k objectives: how many of the teacher's classes are known");
  app.add_option("--output", s.output, "where to write our gradient");
  std::map<std::string, std::string> texts;
  distill::catalogue::each(
      [&](auto objective) { each_parameter(objective, [&](const char* name, auto&) { texts[name]; }); });
  for (auto& [name, text] : texts)
    app.add_option("--" + name, text, "of the objectives that have it")->group("Parameters");
  example::parse(app, argc, argv);
  for (const auto& [name, text] : texts)
    if (app.count("--" + name) > 0) s.parameters[name] = text;
  if (!(s.threshold >= 0))
    throw std::invalid_argument("--threshold: is " + distill::detail::text(s.threshold) + ", must not be negative");
  return s;
}

}  // namespace
}  // namespace verify

int main(int argc, char** argv) {
  return example::run_program(
      "verify", [&] { return verify::run(verify::parse_arguments(argc, argv)) ? 0 : 1; }, 2);
}
