// Batches of a data set, one after the other, the next one made while the last is used.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <numeric>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/buffer.hpp"
#include "../core/error.hpp"
#include "dataset.hpp"
#include "epoch_order.hpp"
#include "minibatch.hpp"
#include "sample_key.hpp"

DISTILL_NAMESPACE_BEGIN
namespace data {

struct loader_options {
  index batch = 128;
  std::uint64_t seed = 0;
  bool shuffle = true;
  bool drop_last = false;  ///< leaves out the rows of an epoch that do not fill a batch
  bool ahead = false;      ///< makes the next batch on a thread of its own while the last one is used
};

/// Hands out the rows of a data set in batches, epoch after epoch. Batch number n is a function of the data, the
/// options and n alone: the same bits with and without a thread, and after seek(), which is all that resuming takes.
///
///     data::loader<float, std::uint8_t> batches({pixels, labels}, {.seed = 1, .ahead = true},
///                                               data::in_turn(normalised, data::horizontal_flip{{1, 28, 28}}));
///     for (…) train_on(batches.next());
///
/// `change` is called with every row, converted to T, and its key. Nothing is allocated after the constructor.
template <class T, class Stored = T>
class loader {
 public:
  using row_change = std::function<void(std::span<T>, const sample_key&)>;

  /// @throws argument_error  empty data, labels of another number, batch below 1 or, with drop_last, above the rows
  explicit loader(dataset<Stored> data, loader_options options = {}, row_change change = {})
      : data_(data), options_(options), change_(std::move(change)) {
    data_.check("loader");
    if (options_.batch < 1) fail("loader: batch is ", options_.batch, ", at least 1 expected");
    if (options_.drop_last && options_.batch > data_.size())
      fail("loader: batch is ", options_.batch, ", with drop_last at most the ", data_.size(), " rows expected");
    options_.batch = std::min(options_.batch, data_.size());
    order_.resize(static_cast<std::size_t>(data_.size()));
    for (slot& s : slots_) s.prepare(options_.batch, data_.features.columns);
    if (options_.ahead) worker_ = std::thread([this] { work(); });
  }
  loader(const loader&) = delete;
  loader& operator=(const loader&) = delete;
  ~loader() {
    if (!worker_.joinable()) return;
    {
      const std::lock_guard hold(lock_);
      stop_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  index batches_per_epoch() const {
    return options_.drop_last ? data_.size() / options_.batch : (data_.size() - 1) / options_.batch + 1;
  }
  /// The number of the batch that next() gives, from 0.
  index step() const { return step_; }
  /// Goes on with batch `step`. @throws argument_error  step negative
  void seek(index step) {
    if (step < 0) fail("loader::seek: step is ", step, ", at least 0 expected");
    step_ = step;
  }

  /// Valid until the next call: its memory is used again.
  /// @throws  what `change` throws; the next call tries the same batch again
  const minibatch<T>& next() {
    const std::size_t slot_of_next = 1 - current_;
    if (!worker_.joinable()) {
      make(slots_[slot_of_next], step_);
    } else {
      std::unique_lock hold(lock_);
      const auto idle = [this] { return wanted_ < 0; };
      changed_.wait(hold, idle);
      if (made_ != step_) {  // the first batch, or after seek() or an error
        order_batch(step_, slot_of_next);
        changed_.wait(hold, idle);
      }
      if (error_) {
        made_ = -1;
        std::rethrow_exception(std::exchange(error_, nullptr));
      }
      order_batch(step_ + 1, current_);
    }
    current_ = slot_of_next;
    ++step_;
    return slots_[current_].rows;
  }

 private:
  /// Memory of one batch.
  struct slot {
    buffer<T> features;
    std::vector<index> labels, samples;
    minibatch<T> rows;

    void prepare(index batch, index columns) {
      features.reserve(batch * columns);
      labels.resize(static_cast<std::size_t>(batch));
      samples.resize(static_cast<std::size_t>(batch));
    }
  };

  /// With the lock held. The batch that waits in that slot, if any, is given up.
  void order_batch(index step, std::size_t slot_of_it) {
    made_ = -1;
    error_ = nullptr;
    wanted_ = step;
    wanted_slot_ = slot_of_it;
    changed_.notify_all();
  }
  void work() {
    std::unique_lock hold(lock_);
    for (;;) {
      changed_.wait(hold, [this] { return stop_ || wanted_ >= 0; });
      if (stop_) return;
      const index step = wanted_;
      slot& to = slots_[wanted_slot_];
      hold.unlock();
      std::exception_ptr error;
      try {
        make(to, step);
      } catch (...) {
        error = std::current_exception();
      }
      hold.lock();
      error_ = error;
      made_ = step;
      wanted_ = -1;
      changed_.notify_all();
    }
  }

  void make(slot& to, index step) {
    const index epoch = step / batches_per_epoch(), first = step % batches_per_epoch() * options_.batch,
                count = std::min(options_.batch, data_.size() - first), columns = data_.features.columns;
    if (order_epoch_ != epoch) {
      if (options_.shuffle)
        epoch_order(order_, options_.seed, epoch);
      else
        std::iota(order_.begin(), order_.end(), index{0});
      order_epoch_ = epoch;
    }
    for (index i = 0; i < count; ++i) {
      const index sample = order_[static_cast<std::size_t>(first + i)];
      T* const row = to.features.data() + i * columns;
      const Stored* const from = data_.features.row(sample);
      if (const index stride = data_.features.column_stride; stride == 1)
        for (index c = 0; c < columns; ++c) row[c] = static_cast<T>(from[c]);
      else
        for (index c = 0; c < columns; ++c) row[c] = static_cast<T>(from[c * stride]);
      to.samples[static_cast<std::size_t>(i)] = sample;
      to.labels[static_cast<std::size_t>(i)] = data_.labels ? data_.labels[sample] : -1;
      if (change_) change_(std::span<T>(row, static_cast<std::size_t>(columns)), {options_.seed, epoch, sample});
    }
    const auto size = static_cast<std::size_t>(count);
    to.rows = {.step = step,
               .epoch = epoch,
               .features = {to.features.data(), count, columns},
               .labels = std::span<const index>(to.labels).first(data_.labels ? size : 0),
               .samples = std::span<const index>(to.samples).first(size)};
  }

  dataset<Stored> data_;
  loader_options options_;
  row_change change_;
  std::vector<index> order_;
  index order_epoch_ = -1;
  std::array<slot, 2> slots_;
  std::size_t current_ = 0;  // the slot of the batch that was handed out
  index step_ = 0;

  std::mutex lock_;  // of what follows
  std::condition_variable changed_;
  index wanted_ = -1, made_ = -1;  // the batch being made, the batch that is ready
  std::size_t wanted_slot_ = 0;
  std::exception_ptr error_;
  bool stop_ = false;
  std::thread worker_;
};

}  // namespace data
DISTILL_NAMESPACE_END
