// Soft targets with noise, and a temperature for every row.
#pragma once

#include <algorithm>
#include <cmath>

#include "../core/random.hpp"
#include "../row/parameter.hpp"
#include "../row/source.hpp"

DISTILL_NAMESPACE_BEGIN

/// A teacher whose soft targets carry noise: q = normalise(max(0, softmax(z_t/T_i) + ν)), ν normal with standard
/// deviation `amplitude` and drawn from (seed, row, column), so that every pass over a row sees the same noise. A row
/// in which nothing positive is left keeps its targets without noise. Masked classes stay masked.
///
/// Use it as the teacher of an objective at the same temperature: it produces T_i log q, whose softmax at T_i is q.
///   swing_noise<float> noisy(teacher, temperatures, 0.01, seed);
///   value(kl{.temperature = temperatures}, {.student = z, .teacher = noisy})
/// One temperature a row, T_i = T_min + (T_max - T_min) ρ_i with a privacy score ρ_i, is what makes the targets swing.
/// The rows are viewed and must outlive the object. No gradient flows to the teacher.
/// Source: Li et al. 2022 (Swing Distillation), arXiv 2212.08349 (the noise's law is not published).
template <class T>
class swing_noise final : public row_source<T> {
 public:
  swing_noise(const matrix_view<const T>& teacher, const row_parameter& temperature, const row_parameter& amplitude,
              std::uint64_t seed)
      : teacher_(teacher), temperature_(temperature), amplitude_(amplitude), noise_(seed) {
    temperature.require_rows("swing_noise: temperature", teacher.rows);
    amplitude.require_rows("swing_noise: amplitude", teacher.rows);
    for (index r = 0; r < (temperature.varies() ? teacher.rows : 1); ++r)
      if (!(temperature[r] > 0)) fail("swing_noise: temperature is ", temperature[r], ", must be positive");
    for (index r = 0; r < (amplitude.varies() ? teacher.rows : 1); ++r)
      if (!(amplitude[r] >= 0)) fail("swing_noise: amplitude is ", amplitude[r], ", must not be negative");
  }

  index rows() const override { return teacher_.rows; }
  index columns() const override { return teacher_.columns; }
  void produce(index first, index count, T* tile, index stride) const override {
    for (index r = first; r < first + count; ++r) one_row(r, tile + (r - first) * stride);
  }

 private:
  void one_row(index r, T* out) const {
    const double temperature = temperature_[r], amplitude = amplitude_[r];
    double top = -HUGE_VAL, sum = 0, kept = 0;
    for (index c = 0; c < columns(); ++c) top = std::max(top, static_cast<double>(teacher_(r, c)));
    for (index c = 0; c < columns(); ++c) sum += std::exp((static_cast<double>(teacher_(r, c)) - top) / temperature);
    const auto noisy = [&](index c) {
      const double p = std::exp((static_cast<double>(teacher_(r, c)) - top) / temperature) / sum;
      const auto counter =
          static_cast<std::uint64_t>(r) * static_cast<std::uint64_t>(columns()) + static_cast<std::uint64_t>(c);
      return teacher_(r, c) == -HUGE_VAL ? 0 : p + amplitude * noise_.normal(counter);
    };
    for (index c = 0; c < columns(); ++c) {
      const double q = noisy(c);
      kept += std::max(0.0, q);
      out[c] = static_cast<T>(q > 0 ? temperature * std::log(q) : q <= 0 ? -HUGE_VAL : q);
    }
    if (!(kept <= 0)) return;
    for (index c = 0; c < columns(); ++c) out[c] = teacher_(r, c);
  }

  matrix_view<const T> teacher_;
  row_parameter temperature_, amplitude_;
  random_stream noise_;
};

DISTILL_NAMESPACE_END
