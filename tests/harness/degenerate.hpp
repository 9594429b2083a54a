// Twelve kinds of rows that ordinary data contains, for every objective of the catalogue: no NaN but the documented
// ones.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <distill/catalogue.hpp>

#include "harness/problem.hpp"

namespace harness {

/// One kind of row: what it does to row 1 of three, and whether that row is then invalid: NaN in that row, nowhere
/// else.
template <class T>
struct degenerate_kind {
  const char* name;
  void (*apply)(problem<T>&);
  bool invalid_student = false, invalid_teacher = false;
};

template <class T>
inline constexpr T largest = std::numeric_limits<T>::max();

template <class T>
inline const degenerate_kind<T> degenerate_kinds[] = {
    {"equal rows",
     [](auto& p) {
       for (index c = 0; c < p.columns; ++c) p.student_at(1, c) = p.teacher_at(1, c);
     }},
    {"near-equal rows",
     [](auto& p) {
       for (index c = 0; c < p.columns; ++c)
         p.student_at(1, c) = p.teacher_at(1, c) * (1 + T(c % 3) * std::numeric_limits<T>::epsilon());
     }},
    {"one-hot teacher", [](auto& p) { p.teacher_at(1, p.columns / 2) = T(900); }},
    {"one-hot student", [](auto& p) { p.student_at(1, p.columns / 2) = T(900); }},
    {"opposite one-hots", [](auto& p) { p.student_at(1, 0) = T(900), p.teacher_at(1, p.columns - 1) = T(900); }},
    {"teacher masks",
     [](auto& p) {
       for (index c = 1; c < p.columns; c += 2) p.teacher_at(1, c) = -infinity<T>;
     }},
    {"student masks",
     [](auto& p) {
       for (index c = 1; c < p.columns; c += 2) p.student_at(1, c) = -infinity<T>;
     }},
    {"both mask",
     [](auto& p) {
       for (index c = 1; c < p.columns; c += 2) p.student_at(1, c) = p.teacher_at(1, c) = -infinity<T>;
     }},
    {"different masks",
     [](auto& p) {
       for (index c = 1; c < p.columns; ++c) (c % 2 ? p.student_at(1, c) : p.teacher_at(1, c)) = -infinity<T>;
     }},
    {"student masks all",
     [](auto& p) {
       for (index c = 0; c < p.columns; ++c) p.student_at(1, c) = -infinity<T>;
     },
     true},
    {"teacher masks all",
     [](auto& p) {
       for (index c = 0; c < p.columns; ++c) p.teacher_at(1, c) = -infinity<T>;
     },
     false, true},
    {"largest finite logits",
     [](auto& p) {
       for (index c = 0; c < p.columns; ++c) {
         p.student_at(1, c) = c % 2 ? largest<T> : -largest<T>;
         p.teacher_at(1, c) = c % 3 ? -largest<T> : largest<T>;
       }
     }},
    {"ties everywhere",
     [](auto& p) {
       for (index c = 0; c < p.columns; ++c) p.student_at(1, c) = T(2), p.teacher_at(1, c) = T(-1);
     }},
    {"NaN in the student", [](auto& p) { p.student_at(1, p.columns / 2) = not_a_number<T>; }, true},
    {"NaN in the teacher", [](auto& p) { p.teacher_at(1, p.columns / 2) = not_a_number<T>; }, false, true},
};

/// What the objectives' own documentation says is NaN.
inline bool documented_nan(std::string_view objective, std::string_view kind) {
  if (objective == "lpld") return kind == "NaN in the teacher";  // when it is the class that is left out
  const bool one_side = kind.find("masks") != kind.npos;
  return objective == "logit_cosine" && (one_side || kind == "largest finite logits");  // an infinite length
}

template <class T, class Objective>
void check_degenerate_rows(const Objective& objective) {
  const std::string_view name = Objective::info.name;
  const facts claimed = facts_of(objective);
  for (const index columns : {1, 2, 7, 70})
    for (const auto& kind : degenerate_kinds<T>) {
      auto p = random_problem<T>(3, columns, 97);
      const auto before = solve(objective, p);
      kind.apply(p);
      const auto got = solve(objective, p);
      const auto alone = solve(objective, part_of(p, 1, 1));
      INFO(std::string(name) << ", " << std::string(kind.name) << ", " << columns << " columns, " << sizeof(T)
                             << " bytes: value " << got.value);
      const bool invalid = (kind.invalid_student) || (kind.invalid_teacher && claimed.uses_teacher);
      const auto count_nan = [&](const std::vector<T>& g, index row) {
        return std::count_if(g.begin() + row * columns, g.begin() + (row + 1) * columns,
                             [](T x) { return std::isnan(x); });
      };
      const bool without_softmax = distill::elementwise<Objective> || distill::ordered_scores<Objective>;
      if (invalid) {
        const bool masked = std::string_view(kind.name).find("masks all") != std::string_view::npos;
        CHECK((std::isnan(alone.value) || (without_softmax && masked) || documented_nan(name, kind.name)));
        if (std::isnan(alone.value) && columns > 1) CHECK(count_nan(got.student, 1) >= (without_softmax ? 1 : columns));
      } else if (!documented_nan(name, kind.name)) {
        CHECK(!std::isnan(got.value));
        CHECK(count_nan(got.student, 1) == 0);
        CHECK(count_nan(got.teacher, 1) == 0);
        if (claimed.nonnegative) CHECK(alone.value >= 0);
      }
      // Rows do not see each other.
      for (const index row : {0, 2})
        for (index c = 0; c < columns; ++c) {
          const auto i = static_cast<std::size_t>(row * columns + c);
          CHECK(got.student[i] == before.student[i]);
        }
      // Nor does a masked row exist.
      const std::vector<int> mask{1, 0, 1};
      const auto masked = solve(objective, p, {.reduction = distill::reduction::sum(), .mask = mask});
      CHECK(!std::isnan(masked.value));
      CHECK(std::all_of(masked.student.begin() + columns, masked.student.begin() + 2 * columns,
                        [](T g) { return g == 0; }));
    }
}

}  // namespace harness
