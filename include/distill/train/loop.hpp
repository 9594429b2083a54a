// Epochs of steps.
#pragma once

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "curves.hpp"
#include "interrupt.hpp"
#include "progress.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

/// Where a loop stands; what a checkpoint must hold for the loop to go on as if nothing had been.
struct loop_state {
  index step = 0;                                          ///< steps done
  double loss_sum = 0;                                     ///< of the steps of this epoch
  double best = std::numeric_limits<double>::quiet_NaN();  ///< the best validation so far
  index best_epoch = 0;                                    ///< the epoch, from 1, that it came after

  template <class Visitor>
  void visit_memory(Visitor&& visit) {
    visit("step", step), visit("loss_sum", loss_sum), visit("best", best), visit("best_epoch", best_epoch);
  }
};

/// What an epoch came to.
struct epoch_report {
  index epoch = 0;  ///< from 1
  index step = 0;
  double loss = 0;        ///< the mean of its steps
  double validation = 0;  ///< NaN without validate
  bool best = false;      ///< better than all before it
};

struct loop_options {
  index epochs = 1;
  index steps_per_epoch = 1;
  double items_per_step = 1;                               ///< what the bar counts
  std::function<double()> validate{};                      ///< after every epoch
  bool larger_is_better = true;                            ///< of what validate returns
  index patience = 0;                                      ///< ends after so many epochs without a better one; 0: never
  std::function<bool(const epoch_report&)> after_epoch{};  ///< false ends the loop
  std::filesystem::path file{};                            ///< where `save` writes, after every epoch and Ctrl-C
  std::function<void(const std::filesystem::path&)> save{};
  bool catch_interrupt = false;  ///< Ctrl-C ends the loop after the step, and saves
  progress* bar = nullptr;       ///< none: nothing is printed
  curves* record = nullptr;      ///< {"epoch", "loss"} or {"epoch", "loss", "validation"}
};

enum class loop_end { finished, no_better, told_to, interrupted };

/// Calls step(n), which returns a loss, for n from state.step on, and does after each epoch what the options say, in
/// the order validation, record, after_epoch, checkpoint. Returns why it ended; where the checkpoint lies is
/// options.file, and the bar says so after Ctrl-C. A second Ctrl-C ends the process at once. A state that is at its end
/// already, by epochs or by patience, makes no step. A loss that is NaN ends nothing: after_epoch can, by throwing,
/// before the checkpoint is written.
///
///     train::loop_state state;
///     train::run(state, {.epochs = 4, .steps_per_epoch = batches.batches_per_epoch()}, [&](index n) { … });
/// @throws argument_error  epochs or steps_per_epoch below 1, patience without validate, save without file or file
///   without save, a record of another number of columns; and whatever is thrown by what it calls
template <class Step>
loop_end run(loop_state& state, const loop_options& options, const Step& step) {
  if (options.epochs < 1 || options.steps_per_epoch < 1)
    fail("train::run: ", options.epochs, " epochs of ", options.steps_per_epoch, " steps, at least 1 expected");
  if (options.patience > 0 && !options.validate) fail("train::run: patience ", options.patience, " needs validate");
  if (options.save && options.file.empty()) fail("train::run: save needs a file");
  if (!options.save && !options.file.empty()) fail("train::run: nothing saves to ", options.file.string());
  if (const std::size_t columns = options.validate ? 3 : 2; options.record && options.record->names().size() != columns)
    fail("train::run: the record has ", options.record->names().size(), " columns, ", columns, " expected");
  const auto save = [&] {
    if (options.save) options.save(options.file);
  };
  const auto out_of_patience = [&] {
    return options.patience > 0 && state.step % options.steps_per_epoch == 0 &&
           state.step / options.steps_per_epoch - state.best_epoch >= options.patience;
  };
  if (out_of_patience()) return loop_end::no_better;  // goes on from where it ended
  std::optional<interrupt> signal;
  if (options.catch_interrupt) signal.emplace();

  while (state.step < options.epochs * options.steps_per_epoch) {
    const double loss = static_cast<double>(step(state.step));
    state.loss_sum += loss;
    ++state.step;
    if (options.bar) options.bar->advance(1, options.items_per_step, loss);
    if (state.step % options.steps_per_epoch == 0) {
      epoch_report report{.epoch = state.step / options.steps_per_epoch, .step = state.step};
      report.loss = state.loss_sum / static_cast<double>(options.steps_per_epoch);
      report.validation = options.validate ? options.validate() : std::numeric_limits<double>::quiet_NaN();
      report.best = std::isnan(state.best)     ? !std::isnan(report.validation)
                    : options.larger_is_better ? report.validation > state.best
                                               : report.validation < state.best;
      state.loss_sum = 0;
      if (report.best) state.best = report.validation, state.best_epoch = report.epoch;
      if (options.record && options.validate)
        options.record->add({static_cast<double>(report.epoch), report.loss, report.validation});
      else if (options.record)
        options.record->add({static_cast<double>(report.epoch), report.loss});
      const bool go_on = !options.after_epoch || options.after_epoch(report);
      save();
      if (!go_on) return loop_end::told_to;
      if (out_of_patience()) return loop_end::no_better;
    }
    if (signal && signal->asked()) {
      if (state.step % options.steps_per_epoch != 0) save();
      if (options.bar)
        options.bar->say("interrupted after step " + std::to_string(state.step) +
                         (options.save ? ", checkpoint written to " + options.file.string() : std::string()));
      return loop_end::interrupted;
    }
  }
  return loop_end::finished;
}

}  // namespace train
DISTILL_NAMESPACE_END
