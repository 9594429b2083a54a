// The step that most loops make.
#pragma once

#include "../config.hpp"
#include "../data/image_extents.hpp"
#include "../data/loader.hpp"
#include "../nn/layer.hpp"
#include "../nn/parameter.hpp"
#include "../nn/tape.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

/// What train::run() calls: takes batch n of a loader, records model and loss, differentiates, and lets the optimiser
/// change the parameters at rate(n). loss(tape, output, batch) records what is minimised and returns its value.
/// `item` is the shape of one row, (channels, height, width) or nothing: then the model gets batch × columns.
/// Everything is kept by reference and must outlive the step, but for rate and loss.
/// @throws argument_error  by the step: rows of another size than `item`; and whatever is thrown by what it calls
template <class T, class Stored, class Optimiser, class Rate, class Loss>
auto supervised_step(nn::tape<T>& tape, nn::layer<T>& model, Optimiser& optimiser, data::loader<T, Stored>& batches,
                     Rate rate, Loss loss, data::image_extents item = {0, 0, 0}) {
  return [&tape, &model, &optimiser, &batches, rate, loss, item, parameters = model.parameters()](index step) {
    batches.seek(step);
    const data::minibatch<T>& batch = batches.next();
    const index rows = batch.features.rows;
    if (item.channels > 0) item.check("supervised_step", static_cast<std::size_t>(batch.features.columns));
    const nn::tensor_shape shape = item.channels > 0 ? nn::tensor_shape{rows, item.channels, item.height, item.width}
                                                     : nn::tensor_shape{rows, batch.features.columns};
    nn::zero_gradients(parameters);
    const nn::variable output =
        model.forward(tape, tape.constant(nn::tensor_view<const T>(batch.features.data, shape)));
    const double value = static_cast<double>(loss(tape, output, batch));
    tape.backward();
    optimiser.step(parameters, rate(step), tape.resources());
    tape.reset();
    return value;
  };
}

}  // namespace train
DISTILL_NAMESPACE_END
