// Prints docs/catalogue.md from what the objectives say of themselves.
#include <cstdio>
#include <distill/catalogue.hpp>
#include <string>

int main() {
  std::printf(
      "# Catalogue of objectives\n\nGenerated from `include/distill/objective/*.hpp` by `./dev generate`. Every "
      "objective is "
      "the value of one row;\n`temperature` divides the logits first, and with `temperature_scaling::squared` (the "
      "default) "
      "the value is multiplied by T².\n\n"
      "| name | value of a row | source | kind | gradient to | value ≥ 0 | 0 when student = teacher | symmetric |\n"
      "|---|---|---|---|---|---|---|---|\n");
  const auto mark = [](bool holds) { return holds ? "yes" : "no"; };
  distill::catalogue::each([&]<class O>(const O&) {
    const distill::objective_info info = O::info;
    const char* to = info.uses_teacher ? "student, teacher" : "student";
    std::printf("| [`%s`](../include/distill/objective/%s.hpp) | %s | %s | %s | %s | %s | %s | %s |\n",
                info.name.data(), info.name.data(), std::string(info.formula).c_str(), std::string(info.source).c_str(),
                distill::separable<O> ? "separable" : "statistic", to, mark(info.nonnegative),
                mark(info.zero_at_equality), mark(info.symmetric));
  });
}
