// Once a workspace has served a shape, calls ask for no memory.
#include "harness/counting_new.hpp"

#include <doctest/doctest.h>

#include <vector>

#include <distill/method/crd.hpp>
#include <distill/method/dino.hpp>
#include <distill/method/hard_negatives.hpp>
#include <distill/method/itc.hpp>
#include <distill/method/mutual_information_bound.hpp>
#include <distill/method/prototype_alignment.hpp>
#include <distill/method/segment_info_nce.hpp>
#include <distill/objective/nt_xent.hpp>
#include <distill/objective/similarity_ce.hpp>
#include <distill/objective/supcon.hpp>
#include <distill/state/centre.hpp>
#include <distill/state/memory_queue.hpp>
#include <distill/state/moving_average.hpp>

namespace {

using distill::index;
using distill::matrix_view;

TEST_CASE("No call allocates twice") {
  using T = float;
  std::vector<T> memory(40 * 6 * 7), gradient(40 * 6), logits(40 * 7);
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<T>(distill::random_stream(1).normal(i));
  const auto rows = [&](index number) { return matrix_view<const T>(memory.data() + number * 240, 40, 6); };
  const matrix_view<T> out(gradient.data(), 40, 6);
  std::vector<int> labels(40);
  for (int i = 0; i < 40; ++i) labels[static_cast<std::size_t>(i)] = i % 7;
  const distill::index_view classes(labels);
  std::vector<index> negatives(40 * 11), chosen(40);
  distill::memory_bank<T> students(40, 6, distill::random_stream(1)), teachers(40, 6, distill::random_stream(2));
  distill::memory_queue<T> queue(9, 6);
  distill::centre<T> centre(6);
  distill::moving_average<T> average{std::span<const T>(memory)};
  distill::prototypes<T> own(7, 6), other(7, 6);
  distill::contrast_workspace<T> workspace;
  distill::segment_workspace<T> segments;
  double slope = 0;
  queue.push(rows(5));
  const auto everything = [&](index tile) {
    const distill::contrast_options options{.largest_tile = tile};
    const distill::contrast_batch<T> in{.anchors = rows(0), .keys = rows(1), .queue = queue.keys()};
    const distill::contrast_gradients<T> to{.anchors = out, .temperature = &slope};
    value_and_gradient(distill::info_nce{.directions = distill::contrast_directions::sum_of_both}, in, to, options,
                       workspace);
    value_and_gradient(distill::similarity_ce{}, in, to, options, workspace);
    value_and_gradient(distill::nt_xent{}, distill::contrast_batch<T>{.anchors = rows(0)}, to, options, workspace);
    value_and_gradient(distill::supcon{}, distill::contrast_batch<T>{.anchors = rows(0), .labels = classes}, to,
                       options, workspace);
    value_and_gradient(distill::itc{},
                       distill::itc_batch<T>{rows(0), rows(1), rows(2), rows(3), queue.keys(), queue.keys()},
                       {.text = out, .temperature = &slope}, options, workspace);
    distill::hard_negatives<T>(rows(0), rows(1), 0.1, distill::random_stream(3), chosen, options, workspace);
    value_and_gradient(distill::segment_info_nce{}, distill::segment_batch<T>{rows(0), rows(1), classes, classes, 7},
                       {.student = out}, options, segments);
    value_and_gradient(distill::dino{},
                       distill::dino_batch<T>{rows(0), matrix_view<const T>(rows(1).data, 20, 6), centre.values()},
                       {out}, options, workspace);
    value_and_gradient(
        distill::crd{},
        distill::crd_batch<T>{rows(0), rows(1), chosen, matrix_view<const index>(negatives.data(), 40, 11)}, students,
        teachers, {.student = out}, options, workspace);
    value_and_gradient(distill::mutual_information_bound{},
                       distill::mutual_information_batch<T>{matrix_view<const T>(memory.data(), 40, 40), {}}, {},
                       options, workspace);
    own.update(rows(0), classes), other.update(rows(1), classes);
    value_and_gradient(distill::prototype_alignment{}, own, other, {}, options, workspace);
    own.backward(other.rows(), out);
    own.logits(rows(2), 1, matrix_view<T>(logits.data(), 40, 7), {}, workspace);
    queue.push(rows(2)), centre.update(rows(0)), average.update(memory, 0.5);
    students.update(chosen, rows(0)), teachers.update(chosen, rows(1));
  };
  for (const index tile : {1 << 20, 100}) {
    everything(tile);
    const long before = harness::allocations;
    everything(tile);
    CHECK(harness::allocations == before);
  }
}

}  // namespace
