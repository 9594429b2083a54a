// One row for every sample of a training set.
#pragma once

#include <cmath>
#include <istream>
#include <limits>
#include <ostream>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/random.hpp"
#include "../pair/stage/unit_rows.hpp"
#include "detail/state_file.hpp"

DISTILL_NAMESPACE_BEGIN

/// What a network last said about every sample, as rows of about length 1, and the normaliser Z of crd's scores against
/// them. Rows start uniform in ±1/√(width/3). Z is unknown until crd's first batch and stays what it was then.
///   memory_bank<float> students(50000, 128, random_stream(seed, 1)), teachers(50000, 128, random_stream(seed, 2));
/// A value: a copy is a snapshot.
///
/// Source: Wu et al. 2018, arXiv 1805.01978; Tian et al. 2020 (CRD), arXiv 1910.10699, as coded (memory.py).
template <class T>
class memory_bank {
 public:
  /// @throws argument_error  samples or width < 1
  memory_bank(index samples, index width, const random_stream& start) : samples_(samples), width_(width) {
    if (samples < 1) fail("memory_bank: samples is ", samples, ", must be at least 1");
    if (width < 1) fail("memory_bank: width is ", width, ", must be at least 1");
    rows_.resize(static_cast<std::size_t>(samples * width));
    const double bound = 1 / std::sqrt(static_cast<double>(width) / 3);
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i] = static_cast<T>(bound * (2 * start.uniform(i) - 1));
  }

  index samples() const { return samples_; }
  index width() const { return width_; }
  matrix_view<const T> rows() const { return {rows_.data(), samples_, width_}; }
  /// log Z; NaN while unknown.
  double log_normaliser() const { return log_normaliser_; }
  bool normalised() const { return !std::isnan(log_normaliser_); }
  /// For another Z than the first batch's.
  void set_log_normaliser(double value) { log_normaliser_ = value; }

  /// row ← unit(momentum · row + (1 − momentum) · unit(embedding)), for the samples in order: one that occurs twice
  /// moves twice. After the loss. @throws argument_error  before any row moves: samples out of range, other shapes,
  /// momentum outside [0, 1]
  void update(const index_view& samples, const matrix_view<const T>& embeddings, double momentum = 0.5) {
    if (samples.size() != embeddings.rows)
      fail("memory_bank: samples has ", samples.size(), " entries, embeddings has ", embeddings.rows, " rows");
    if (embeddings.rows > 0 && embeddings.columns != width_)
      fail("memory_bank: embeddings has ", embeddings.columns, " columns, the bank's width is ", width_);
    if (!(momentum >= 0 && momentum <= 1)) fail("memory_bank: momentum is ", momentum, ", must lie in [0, 1]");
    check(samples);
    fresh_.resize(static_cast<std::size_t>(width_));
    const auto unit = [&](T* row) {
      T norm;
      unit_rows{}.forward<T>(matrix_view<const T>(row, 1, width_), matrix_view<T>(row, 1, width_), &norm, {});
    };
    const auto kept = static_cast<T>(momentum), taken = static_cast<T>(1 - momentum);
    for (index r = 0; r < embeddings.rows; ++r) {
      T* const own = rows_.data() + samples[r] * width_;
      T* const fresh = fresh_.data();
      for (index c = 0; c < width_; ++c) fresh[c] = embeddings(r, c);
      unit(fresh);
      for (index c = 0; c < width_; ++c) own[c] = kept * own[c] + taken * fresh[c];
      unit(own);
    }
  }
  /// @throws argument_error  naming the first sample that the bank does not have
  void check(const index_view& samples) const {
    for (index r = 0; r < samples.size(); ++r)
      if (samples[r] < 0 || samples[r] >= samples_)
        fail("samples[", r, "] is ", samples[r], ", must lie in [0, ", samples_, ")");
  }

  /// samples, width, log Z, then the rows. @throws file_error  the stream cannot be written
  void save(std::ostream& out) const {
    detail::state_writer file(out, "memory_bank", sizeof(T));
    file.integer(samples_), file.integer(width_), file.real(log_normaliser_);
    file.numbers(rows_);
    file.finish();
  }
  /// Becomes what was saved, whatever it was. @throws file_error  and stays what it was
  void load(std::istream& in) {
    detail::state_reader file(in, "memory_bank", sizeof(T));
    const index samples = file.integer("samples", 1, detail::largest_extent);
    const index width = file.integer("width", 1, detail::largest_extent);
    const double log_normaliser = file.real();
    rows_ = file.template numbers<T>(samples, width);
    samples_ = samples, width_ = width, log_normaliser_ = log_normaliser;
  }

 private:
  index samples_, width_;
  double log_normaliser_ = std::numeric_limits<double>::quiet_NaN();
  std::vector<T> rows_, fresh_;
};

DISTILL_NAMESPACE_END
