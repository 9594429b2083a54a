// Features that a test owns, and what is asked of every contrastive objective.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <distill/contrast/batch.hpp>
#include <distill/core/random.hpp>

#include "harness/pair.hpp"

namespace contrast_tests {

using distill::index;
using distill::matrix_view;
using harness::message_of;
using harness::relative_distance;
using harness::same_bits;

/// A dense row-major matrix.
template <class T>
struct matrix {
  index rows = 0, columns = 0;
  std::vector<T> data{};

  matrix(index rows_, index columns_, T value = T(0))
      : rows(rows_), columns(columns_), data(static_cast<std::size_t>(rows_ * columns_), value) {}
  matrix(index rows_, index columns_, std::vector<T> data_) : rows(rows_), columns(columns_), data(std::move(data_)) {}

  T& operator()(index r, index c) { return data[static_cast<std::size_t>(r * columns + c)]; }
  T operator()(index r, index c) const { return data[static_cast<std::size_t>(r * columns + c)]; }
  matrix_view<const T> view() const { return {data.data(), rows, columns}; }
  matrix_view<T> out() { return {data.data(), rows, columns}; }
};

/// Normal numbers, multiples of 1/64: a float holds them too.
template <class T>
matrix<T> random_matrix(index rows, index columns, std::uint64_t seed) {
  matrix<T> m(rows, columns);
  const distill::random_stream random(seed);
  for (std::size_t i = 0; i < m.data.size(); ++i) m.data[i] = static_cast<T>(std::round(64 * random.normal(i)) / 64);
  return m;
}
template <class T>
matrix<T> unit(matrix<T> m) {
  for (index r = 0; r < m.rows; ++r) {
    double square = 0;
    for (index c = 0; c < m.columns; ++c) square += static_cast<double>(m(r, c)) * static_cast<double>(m(r, c));
    for (index c = 0; c < m.columns && square > 0; ++c)
      m(r, c) = static_cast<T>(static_cast<double>(m(r, c)) / std::sqrt(square));
  }
  return m;
}
template <class T>
double cosine(const matrix<T>& a, index i, const matrix<T>& b, index j) {
  double ab = 0, aa = 0, bb = 0;
  for (index c = 0; c < a.columns; ++c) {
    const double x = static_cast<double>(a(i, c)), y = static_cast<double>(b(j, c));
    ab += x * y, aa += x * x, bb += y * y;
  }
  return aa == 0 || bb == 0 ? 0 : ab / std::sqrt(aa) / std::sqrt(bb);
}

/// log Σ exp
inline double log_sum_exp(const std::vector<double>& x) {
  double top = -INFINITY, sum = 0;
  for (const double v : x) top = std::max(top, v);
  for (const double v : x) sum += std::exp(v - top);
  return top + std::log(sum);
}

/// Central differences of value() at every number of `x`.
inline std::vector<double> differences(std::vector<double>& x, const std::function<double()>& value,
                                       double step = 1e-5) {
  std::vector<double> slopes;
  for (double& number : x) {
    const double kept = number;
    number = kept + step;
    const double above = value();
    number = kept - step;
    const double below = value();
    number = kept;
    slopes.push_back((above - below) / (2 * step));
  }
  return slopes;
}
inline double difference(double& x, const std::function<double()>& value, double step = 1e-6) {
  const double kept = x;
  x = kept + step;
  const double above = value();
  x = kept - step;
  const double below = value();
  x = kept;
  return (above - below) / (2 * step);
}

template <class T>
bool all_zero(const std::vector<T>& v) {
  for (const T x : v)
    if (!(x == 0)) return false;
  return true;
}
template <class T>
bool all_finite(const std::vector<T>& v) {
  for (const T x : v)
    if (!std::isfinite(x)) return false;
  return true;
}

}  // namespace contrast_tests
