// Properties of every call: how a batch is cut, stored, threaded, weighted or reduced changes nothing but what it says.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <numeric>

#include <distill/row/evaluate.hpp>

#include "harness/problem.hpp"

namespace harness {

using distill::reduction;

/// Two rows that must not reach their neighbours: one with NaN, one with masked classes on the student's side.
template <class T>
problem<T> with_bad_rows(problem<T> p) {
  p.student_at(2, p.columns / 2) = not_a_number<T>;
  p.student_at(p.rows - 4, 0) = -infinity<T>;
  return p;
}

template <class T, class Objective>
void splitting_a_batch_changes_no_bit(const Objective& objective) {
  const distill::row_options options{.reduction = reduction::count(19)};
  for (const index columns : column_counts)
    for (const bool bad : {false, true}) {
      auto whole = random_problem<T>(19, columns, 21);
      if (bad) whole = with_bad_rows(whole);
      const auto expected = solve(objective, whole, options);
      for (const std::vector<index>& sizes : {std::vector<index>(19, 1), {3, 5, 11}, {8, 8, 3}, {16, 3}, {18, 1}}) {
        answer<T> joined;
        index first = 0;
        for (const index size : sizes) {
          const auto part = solve(objective, part_of(whole, first, size), options);
          joined.value += part.value;
          joined.student.insert(joined.student.end(), part.student.begin(), part.student.end());
          joined.teacher.insert(joined.teacher.end(), part.teacher.begin(), part.teacher.end());
          first += size;
        }
        INFO(columns << " columns, first part of " << sizes[0] << " rows, bad rows among them: " << bad);
        CHECK(same(joined.student, expected.student));
        CHECK(same(joined.teacher, expected.teacher));
        if (!bad) CHECK(joined.value == doctest::Approx(expected.value).epsilon(1e-13));
      }
    }
}

template <class T, class Objective>
void threads_change_no_bit(const Objective& objective, index longest) {
  for (const index columns : {index(10), index(1000), longest}) {
    const auto p = random_problem<T>(columns == 10 ? 2000 : columns == 1000 ? 45 : 5, columns, 22);
    const auto alone = solve(objective, p);
    for (const int threads : {2, 3, 0}) {
      INFO(columns << " columns, " << threads << " threads");
      CHECK(same(alone, solve(objective, p, {.reduction = reduction::sum(), .execution = {.threads = threads}})));
    }
  }
}

/// A row-major block of a wider matrix, a column-major matrix, rows in reverse, one row for all.
template <class T, class Objective>
void strides_change_no_bit(const Objective& objective) {
  for (const index columns : {1, 3, 16, 33, 65, 100}) {
    const auto p = random_problem<T>(19, columns, 23);
    const auto expected = solve(objective, p);
    const auto size = static_cast<std::size_t>(p.rows * columns);
    struct layout {
      index row_stride, column_stride, first;
    };
    for (const layout l : {layout{columns + 5, 1, 3}, layout{1, p.rows, 0}, layout{2, 2 * p.rows + 1, 1},
                           layout{-columns, 1, (p.rows - 1) * columns}, layout{-1, -p.rows, p.rows * columns - 1}}) {
      constexpr T untouched = T(777);
      std::array<std::vector<T>, 4> memory;  // student, teacher, their gradients
      memory.fill(std::vector<T>(3 * size + 200, untouched));
      const auto at = [&](index r, index c) {
        return static_cast<std::size_t>(l.first + r * l.row_stride + c * l.column_stride);
      };
      for (index r = 0; r < p.rows; ++r)
        for (index c = 0; c < columns; ++c) {
          memory[0][at(r, c)] = p.student[static_cast<std::size_t>(r * columns + c)];
          memory[1][at(r, c)] = p.teacher[static_cast<std::size_t>(r * columns + c)];
        }
      const auto view = [&](auto pointer) {
        return distill::matrix_view(pointer + l.first, p.rows, columns, l.row_stride, l.column_stride);
      };
      auto in = inputs_of(objective, p);
      distill::gradients<T> out;
      in.student = view(static_cast<const T*>(memory[0].data()));
      if (in.teacher) in.teacher = view(static_cast<const T*>(memory[1].data()));
      out.student = view(memory[2].data());
      out.teacher = view(memory[3].data());
      const std::array inputs{memory[0], memory[1]};
      answer<T> got{distill::value_and_gradient(objective, in, out, {.reduction = reduction::sum()}), {}, {}};
      for (index r = 0; r < p.rows; ++r)
        for (index c = 0; c < columns; ++c) {
          got.student.push_back(std::exchange(memory[2][at(r, c)], untouched));
          got.teacher.push_back(std::exchange(memory[3][at(r, c)], untouched));
        }
      INFO(columns << " columns, strides " << l.row_stride << " and " << l.column_stride);
      CHECK(same(got, expected));
      const auto clean = [](T x) { return x == untouched; };
      CHECK(std::all_of(memory[2].begin(), memory[2].end(), clean));
      CHECK(std::all_of(memory[3].begin(), memory[3].end(), clean));
      CHECK(same(inputs[0], memory[0]));
      CHECK(same(inputs[1], memory[1]));
    }
  }
}

template <class T, class Objective>
void one_teacher_row_serves_all(const Objective& objective) {
  if (!facts_of(objective).uses_teacher) return;
  for (const index columns : {10, 100}) {
    auto p = random_problem<T>(7, columns, 24);
    auto in = inputs_of(objective, p);
    in.teacher = distill::matrix_view<const T>(p.teacher.data(), p.rows, columns, 0);
    const auto got = solve(objective, p, in, {});
    for (index r = 1; r < p.rows; ++r)
      for (index c = 0; c < columns; ++c) p.teacher_at(r, c) = p.teacher_at(0, c);
    CAPTURE(columns);
    CHECK(same(got, solve(objective, p, {})));
  }
}

template <class T, class Objective>
void gradients_may_replace_the_logits(const Objective& objective) {
  for (const index columns : {1, 10, 17, 64, 100, 1000})
    for (const bool column_major : {false, true}) {
      auto p = random_problem<T>(19, columns, 25);
      const index row_stride = column_major ? 1 : columns, column_stride = column_major ? p.rows : 1;
      auto in = inputs_of(objective, p);
      in.student = distill::matrix_view<const T>(p.student.data(), p.rows, columns, row_stride, column_stride);
      if (in.teacher)
        in.teacher = distill::matrix_view<const T>(p.teacher.data(), p.rows, columns, row_stride, column_stride);
      answer<T> expected{0, p.student, p.teacher};
      distill::gradients<T> apart, in_place;
      apart.student = distill::matrix_view<T>(expected.student.data(), p.rows, columns, row_stride, column_stride);
      apart.teacher = distill::matrix_view<T>(expected.teacher.data(), p.rows, columns, row_stride, column_stride);
      in_place.student = distill::matrix_view<T>(p.student.data(), p.rows, columns, row_stride, column_stride);
      in_place.teacher = distill::matrix_view<T>(p.teacher.data(), p.rows, columns, row_stride, column_stride);
      expected.value = distill::value_and_gradient(objective, in, apart);
      const double value = distill::value_and_gradient(objective, in, in_place);
      CAPTURE(columns);
      CAPTURE(column_major);
      CHECK(same(answer<T>{value, p.student, p.teacher}, expected));
    }
}

template <class T, class Objective>
void accumulating_adds(const Objective& objective) {
  for (const index columns : {1, 10, 17, 64, 100})
    for (const index column_stride : {1, 2}) {
      const auto p = random_problem<T>(19, columns, 26);
      const auto gradient = solve(objective, p, {});
      const std::size_t size = p.student.size() * static_cast<std::size_t>(column_stride);
      std::vector<T> student(size, T(0.5)), teacher(size, T(-0.25));
      distill::gradients<T> out;
      out.student = distill::matrix_view<T>(student.data(), p.rows, columns, columns * column_stride, column_stride);
      out.teacher = distill::matrix_view<T>(teacher.data(), p.rows, columns, columns * column_stride, column_stride);
      distill::value_and_gradient(objective, inputs_of(objective, p), out, {.store = distill::store_mode::accumulate});
      std::vector<T> got_student, got_teacher, sum_student, sum_teacher;
      for (std::size_t i = 0; i < p.student.size(); ++i) {
        got_student.push_back(student[i * static_cast<std::size_t>(column_stride)]);
        got_teacher.push_back(teacher[i * static_cast<std::size_t>(column_stride)]);
        sum_student.push_back(T(0.5) + gradient.student[i]);
        sum_teacher.push_back(T(-0.25) + gradient.teacher[i]);
      }
      INFO(columns << " columns, column stride " << column_stride);
      CHECK(distance(got_student, sum_student, 1) <= 2);
      CHECK(distance(got_teacher, sum_teacher, 1) <= 2);
    }
}

template <class T, class Objective>
void upstream_scales_gradients_only(const Objective& objective) {
  for (const index columns : {10, 100}) {
    const auto p = random_problem<T>(7, columns, 27);
    const auto plain = solve(objective, p);
    const auto tripled = solve(objective, p, {.reduction = reduction::sum(), .upstream = -4});
    const std::vector<double> factors{1, 0, 2, -0.5, 8, 0.25, 16};
    const auto by_row = solve(objective, p, {.reduction = reduction::sum(), .upstream = factors});
    CHECK(tripled.value == plain.value);
    // A row without upstream takes another path through the engine: equal up to rounding.
    CHECK(distance(std::vector<T>{static_cast<T>(by_row.value)}, {static_cast<T>(plain.value)}, 1) <= 8);
    const auto scaled = [&](const std::vector<T>& gradient, auto factor) {
      std::vector<T> result;
      for (std::size_t i = 0; i < gradient.size(); ++i)
        result.push_back(gradient[i] * static_cast<T>(factor(i / static_cast<std::size_t>(columns))));
      return result;
    };
    CAPTURE(columns);
    const double temperature = facts_of(objective).temperature;
    CHECK(distance(tripled.student, scaled(plain.student, [](std::size_t) { return -4.0; }), temperature) <= 8);
    CHECK(distance(tripled.teacher, scaled(plain.teacher, [](std::size_t) { return -4.0; }), temperature) <= 8);
    CHECK(distance(by_row.student, scaled(plain.student, [&](std::size_t r) { return factors[r]; }), temperature) <= 8);
    CHECK(distance(by_row.teacher, scaled(plain.teacher, [&](std::size_t r) { return factors[r]; }), temperature) <= 8);
  }
}

/// Weights, masks and every reduction at once: each row's value and gradient, alone, times weight / divisor.
template <class T, class Objective>
void rows_are_weighted_and_reduced(const Objective& objective) {
  const std::vector<float> weights{1, 0.5f, 0, 2, 0.25f, 3, 1};
  const std::vector<std::uint8_t> mask{1, 1, 1, 0, 1, 0, 7};
  for (const index columns : {1, 10, 64, 65}) {
    auto p = random_problem<T>(7, columns, 28);
    std::vector<answer<T>> alone;
    for (index r = 0; r < p.rows; ++r) alone.push_back(solve(objective, part_of(p, r, 1)));
    // What is taken out may hold anything.
    for (index c = 0; c < columns; ++c) {
      p.student_at(2, c) = not_a_number<T>;
      p.teacher_at(3, c) = -infinity<T>;
      p.student_at(5, c) = infinity<T>;
    }
    struct expectation {
      distill::reduction how;
      double divisor;
    };
    for (const expectation e : {expectation{reduction::none(), 1},
                                {reduction::sum(), 1},
                                {reduction::mean(), 7},
                                {reduction::mean_valid(), 4},
                                {reduction::mean_weight(), 2.75},
                                {reduction::count(5), 5}}) {
      const auto got = solve(objective, p, {.reduction = e.how, .weights = weights, .mask = mask});
      answer<T> expected;
      for (std::size_t r = 0; r < 7; ++r) {
        const double factor = mask[r] ? static_cast<double>(weights[r]) / e.divisor : 0;
        expected.value += factor * alone[r].value;
        for (const T g : alone[r].student) expected.student.push_back(static_cast<T>(factor * static_cast<double>(g)));
        for (const T g : alone[r].teacher) expected.teacher.push_back(static_cast<T>(factor * static_cast<double>(g)));
      }
      INFO(columns << " columns, reduction " << static_cast<int>(e.how.how()));
      CHECK(distance(got, expected, facts_of(objective).temperature) <= 8);
      CHECK(std::all_of(got.student.begin() + 2 * columns, got.student.begin() + 4 * columns,
                        [](T g) { return g == 0; }));
    }
    const std::vector<bool>::size_type count = 7;
    const std::vector<std::uint8_t> nothing(count, 0);
    for (const auto how : {reduction::none(), reduction::sum(), reduction::mean(), reduction::mean_valid(),
                           reduction::mean_weight(), reduction::count(5)}) {
      const auto got = solve(objective, p, {.reduction = how, .mask = nothing});
      INFO(columns << " columns, all rows masked, reduction " << static_cast<int>(how.how()));
      CHECK(got.value == 0);
      CHECK(std::all_of(got.student.begin(), got.student.end(), [](T g) { return g == 0; }));
      CHECK(std::all_of(got.teacher.begin(), got.teacher.end(), [](T g) { return g == 0; }));
      auto none = inputs_of(objective, p);
      none.student = distill::matrix_view<const T>(p.student.data(), 0, columns);
      if (none.teacher) none.teacher = distill::matrix_view<const T>(p.teacher.data(), 0, columns);
      if (none.labels) none.labels = distill::index_view(p.labels.data(), 0);
      none.stored = {};
      CHECK(distill::value(objective, none, {.reduction = how}) == 0.0);
    }
  }
}

template <class T, distill::row_leaf Objective>
void temperatures_by_row_are_calls_by_row(const Objective& objective) {
  const std::vector<double> temperatures{1, 2, 2.5, 4, 0.5, 1, 3, 10, 1.5};
  for (const index columns : {1, 10, 64, 65, 100}) {
    const auto p = random_problem<T>(9, columns, 29);
    Objective varied = objective;
    varied.temperature = temperatures;
    const auto got = solve(varied, p);
    answer<T> expected;
    for (index r = 0; r < p.rows; ++r) {
      Objective constant = objective;
      constant.temperature = temperatures[static_cast<std::size_t>(r)];
      const auto row = solve(constant, part_of(p, r, 1));
      expected.value += row.value;
      expected.student.insert(expected.student.end(), row.student.begin(), row.student.end());
      expected.teacher.insert(expected.teacher.end(), row.teacher.begin(), row.teacher.end());
    }
    CAPTURE(columns);
    CHECK(same(got.student, expected.student));
    CHECK(same(got.teacher, expected.teacher));
    CHECK(got.value == doctest::Approx(expected.value).epsilon(1e-14));
  }
}

/// The teacher as probabilities or log-probabilities, unnormalised ones included, zero mass included.
template <class T, class Objective>
void teacher_may_be_probabilities(const Objective& objective) {
  if (!facts_of(objective).shift_invariant) return;  // log-probabilities are logits up to a shift
  if (!facts_of(objective).uses_teacher) return;
  for (const index columns : {3, 10, 64, 65, 100}) {
    auto p = random_problem<T>(9, columns, 30, 1);
    for (index r = 0; r < p.rows; ++r) p.student_at(r, 1) = p.teacher_at(r, 1) = -infinity<T>;
    std::vector<T> mass(p.teacher.size()), log_mass(p.teacher.size());
    for (index r = 0; r < p.rows; ++r) {
      double sum = 0;
      const auto at = [&](index c) { return static_cast<std::size_t>(r * columns + c); };
      for (index c = 0; c < columns; ++c) sum += std::exp(static_cast<double>(p.teacher[at(c)]));
      for (index c = 0; c < columns; ++c) {
        const auto z = static_cast<double>(p.teacher[at(c)]);
        mass[at(c)] = static_cast<T>(std::exp(z) / sum * (r % 2 ? 1 : 3));
        log_mass[at(c)] = static_cast<T>(z - std::log(sum));
      }
    }
    const auto expected = solve(objective, p);
    const distill::matrix_view<const T> masses(mass.data(), p.rows, columns), logs(log_mass.data(), p.rows, columns);
    const double scale = std::pow(facts_of(objective).temperature, 2);
    auto in = inputs_of(objective, p);
    in.teacher = logs;
    const auto by_log = solve(objective, p, in, {.reduction = reduction::sum()});
    in.teacher = distill::probabilities<T>(masses);
    answer<T> by_mass{0, std::vector<T>(p.student.size()), {}};
    distill::gradients<T> out;
    out.student = distill::matrix_view<T>(by_mass.student.data(), p.rows, columns);
    by_mass.value = distill::value_and_gradient(objective, in, out, {.reduction = reduction::sum()});
    CAPTURE(columns);
    CHECK(distance(by_log, expected, 8 * scale) <= 16);
    CHECK(distance(by_mass.student, expected.student, 8 * scale) <= 16);
    CHECK(distance(std::vector<T>{static_cast<T>(by_mass.value)}, {static_cast<T>(expected.value)}, 8 * scale) <= 16);
  }
}

/// Hands out the rows of a vector, and takes them back.
template <class T>
class stored_rows final : public distill::row_source<T>, public distill::row_sink<T> {
 public:
  stored_rows(std::vector<T>& memory, index rows, index columns) : memory_(memory), rows_(rows), columns_(columns) {}
  index rows() const override { return rows_; }
  index columns() const override { return columns_; }
  void produce(index first, index count, T* tile, index stride) const override {
    for (index r = 0; r < count; ++r)
      std::copy_n(memory_.begin() + (first + r) * columns_, columns_, tile + r * stride);
  }
  void consume(index first, index count, const T* tile, index stride) override {
    for (index r = 0; r < count; ++r)
      std::copy_n(tile + r * stride, columns_, memory_.begin() + (first + r) * columns_);
  }

 private:
  std::vector<T>& memory_;
  index rows_, columns_;
};

template <class T, class Objective>
void produced_rows_are_rows(const Objective& objective) {
  for (const index columns : {1, 10, 64, 65, 1000}) {
    auto p = random_problem<T>(19, columns, 31);
    const auto expected = solve(objective, p);
    answer<T> got{0, std::vector<T>(p.student.size()), std::vector<T>(p.student.size())};
    stored_rows<T> student(p.student, p.rows, columns), teacher(p.teacher, p.rows, columns);
    stored_rows<T> to_student(got.student, p.rows, columns), to_teacher(got.teacher, p.rows, columns);
    auto in = inputs_of(objective, p);
    in.student = student;
    if (in.teacher) in.teacher = teacher;
    distill::gradients<T> out;
    out.student = to_student;
    out.teacher = to_teacher;
    got.value =
        distill::value_and_gradient(objective, in, out, {.reduction = reduction::sum(), .execution = {.threads = 2}});
    CAPTURE(columns);
    CHECK(same(got, expected));
  }
}

/// values(), then gradient() with the leaves' weights as coefficients, is the fused call.
template <class T, class Objective>
void two_calls_equal_one(const Objective& objective) {
  for (const index columns : column_counts) {
    auto p = random_problem<T>(7, columns, 32);
    for (index c = 0; c < columns; ++c) p.student_at(3, c) += 1000;  // far from the teacher: compared by another route
    const auto in = inputs_of(objective, p);
    const auto expected = solve(objective, p);
    const auto sum = distill::as_sum(objective);
    distill::value_table<Objective> table;
    distill::values(objective, in, table);
    REQUIRE(table.rows() == p.rows);
    std::vector<double> coefficients;
    answer<T> got{0, std::vector<T>(p.student.size(), T(9)), std::vector<T>(p.student.size(), T(9))};
    for (index r = 0; r < p.rows; ++r) {
      const auto row = distill::combination(objective, table, r);
      coefficients.insert(coefficients.end(), row.coefficient.begin(), row.coefficient.end());
      got.value += row.value;
    }
    distill::gradients<T> out;
    out.student = distill::matrix_view<T>(got.student.data(), p.rows, columns);
    out.teacher = distill::matrix_view<T>(got.teacher.data(), p.rows, columns);
    distill::gradient(objective, in, table, {coefficients.data(), p.rows, sum.leaves}, out);
    CAPTURE(columns);
    CHECK(distance(got, expected, facts_of(objective).temperature) <= 32);
  }
}

template <class T, class Objective>
void value_alone_is_the_same_value(const Objective& objective) {
  for (const index columns : column_counts) {
    const auto p = random_problem<T>(19, columns, 33);
    CAPTURE(columns);
    CHECK(distill::value(objective, inputs_of(objective, p)) == solve(objective, p, {}).value);
  }
}

}  // namespace harness
