// Prints docs/catalogue.md from what the objectives say of themselves.
#include <cstdio>
#include <distill/catalogue.hpp>
#include <distill/method_catalogue.hpp>
#include <distill/pair_catalogue.hpp>
#include <distill/row/short_kernel.hpp>
#include <string>

namespace {

template <class O>
const char* kind_of() {
  if constexpr (distill::compound<O>)
    return "sum";
  else if constexpr (distill::separable<O>)
    return "separable";
  else if constexpr (distill::elementwise<O>)
    return "elementwise";
  else if constexpr (distill::ordered<O> || distill::ordered_scores<O>)
    return "ordered";
  else if constexpr (distill::stored<O>)
    return "stored";
  else
    return "statistic";
}

/// Rows in the lanes for up to 64 classes, or classes in the lanes for all.
template <class O>
const char* engines_of() {
  return distill::detail::short_kernel<float, O>::possible ? "CPU rows, CPU short rows" : "CPU rows";
}

std::string escaped(std::string_view text) {  // a bar would end the table's cell
  std::string result;
  for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result;
}

const char* mark(bool holds) { return holds ? "yes" : "no"; }

constexpr const char* pair_header =
    "| name | value of an item | rows × columns of an item | source | used by | same width | value ≥ 0 "
    "| 0 when student = teacher |\n|---|---|---|---|---|---|---|---|\n";

template <class List>
int print_pairs(const char* room, const List&) {
  int count = 0;
  List::each([&]<class O>(const O&) {
    const distill::pair_info info = O::info;
    const std::string name(info.name);
    std::printf("| [`%s`](../include/distill/%s/%s.hpp) | %s | %s | %s | %s | %s | %s | %s |\n", name.c_str(), room,
                name.c_str(), escaped(info.formula).c_str(), escaped(info.input).c_str(), escaped(info.source).c_str(),
                escaped(info.systems).c_str(), mark(info.same_width), mark(info.nonnegative),
                mark(info.zero_at_equality));
    ++count;
  });
  return count;
}

}  // namespace

int main() {
  std::printf(
      "# Catalogue of row objectives\n\nGenerated from `include/distill/objective/*.hpp` by `./dev generate`. Every "
      "objective is the value of one row.\n`temperature` divides the logits first; with `temperature_scaling::squared` "
      "(the default) the value is multiplied by T².\n\"Projected\" slopes s stand for the gradient s_i − p_i Σ_j s_j. "
      "Kinds and engines: [objective.md](objective.md).\n\n"
      "| name | value of a row | gradient to the student | source | used by | kind | engines | gradient to | value ≥ 0 "
      "| "
      "0 when student = teacher | symmetric |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  int count = 0;
  distill::catalogue::each([&]<class O>(const O&) {
    const distill::objective_info info = O::info;
    const std::string name(info.name);
    std::printf("| [`%s`](../include/distill/objective/%s.hpp) | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
                name.c_str(), name.c_str(), escaped(info.formula).c_str(), escaped(info.gradient).c_str(),
                escaped(info.source).c_str(), escaped(info.systems).c_str(), kind_of<O>(), engines_of<O>(),
                info.uses_teacher ? "student, teacher" : "student", mark(info.nonnegative), mark(info.zero_at_equality),
                mark(info.symmetric));
    ++count;
  });
  std::printf("\n%d objectives.\n", count);

  std::printf(
      "\n# Catalogue of pair objectives\n\nThey compare two sets of features, or what becomes of them "
      "([pairs.md](pairs.md)). Where student and teacher need not\nhave rows of the same length, a batch or map of "
      "each is enough. Gradients: to every input.\n\n"
      "%s",
      pair_header);
  count = print_pairs("objective", distill::pair_catalogue{});
  std::printf(
      "\n%d pair objectives.\n\n# Catalogue of methods\n\nObjectives with further inputs (labels, variances, queues, "
      "banks), each with its own calls.\n\n%s",
      count, pair_header);
  count = print_pairs("method", distill::method_catalogue{});
  std::printf("\n%d methods.\n", count);
}
