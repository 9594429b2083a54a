#include "objectives.hpp"

#include <distill/catalogue.hpp>
#include <distill/nn/criterion.hpp>
#include <stdexcept>

namespace example {
namespace {

template <class X>
class weighed_with_labels : public distill::recipe<float> {
 public:
  explicit weighed_with_labels(const X& objective) : loss_(objective) {}

  double record(nn::tape<float>& tape, nn::network<float>& student, const distill::lesson<float>& lesson) override {
    const nn::variable logits = student.forward(tape, tape.constant(lesson.input));
    // Each term over the images that it applies to.
    return loss_(tape, logits,
                 {.teacher = lesson.teacher,
                  .labels = lesson.labels,
                  .options = {.reduction = distill::reduction::mean_valid()}})
        .value;
  }

 private:
  nn::criterion<float, X> loss_;
};

}  // namespace

teaching objective_called(const std::string& name, double temperature) {
  teaching result;
  std::string names;
  distill::catalogue::each([&]<class O>(O objective) {
    if constexpr (O::info.uses_teacher) {
      names += (names.empty() ? "" : ", ") + std::string(O::info.name);
      if (name != O::info.name) return;
      if constexpr (requires { objective.temperature; }) objective.temperature = temperature;
      const auto loss = 0.9 * objective + 0.1 * distill::cross_entropy{};
      result.method = [loss](const distill::study<float>&, std::uint64_t) {
        return std::make_unique<weighed_with_labels<std::remove_const_t<decltype(loss)>>>(loss);
      };
    }
  });
  if (!result.method) throw std::invalid_argument("--objective: there is no " + name + "; known: " + names);
  return result;
}

}  // namespace example
