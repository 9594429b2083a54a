// The library's side of ./dev peers: a C interface over the same buffers the peers read.
#include <cstdint>
#include <distill/contrast/evaluate.hpp>
#include <distill/objective/cka.hpp>
#include <distill/objective/cross_entropy.hpp>
#include <distill/objective/info_nce.hpp>
#include <distill/objective/jensen_shannon.hpp>
#include <distill/objective/kl.hpp>
#include <distill/objective/pld.hpp>
#include <distill/objective/relational_distance.hpp>
#include <distill/objective/similarity_preserving.hpp>
#include <distill/objective/uld.hpp>
#include <distill/pair/evaluate.hpp>
#include <distill/row/evaluate.hpp>
#include <distill/transport/solve.hpp>
#include <functional>
#include <string_view>

namespace {

using distill::cka;
using distill::cross_entropy;
using distill::info_nce;
using distill::jensen_shannon;
using distill::kl;
using distill::pld;
using distill::relational_distance;
using distill::similarity_preserving;
using distill::sinkhorn_options;
using distill::transport_gradient;
using distill::transport_value;
using distill::uld;

struct problem {
  distill::matrix_view<const float> student, teacher;
  distill::index_view labels;
  distill::matrix_view<float> gradient;
  distill::row_workspace<float> rows{};
  distill::pair_workspace<float> pairs{};
  distill::contrast_workspace<float> similarities{};
  distill::transport_workspace<float> transport{};
  int threads;
  bool value_only = false;
  const char* formula = nullptr;
  std::function<double()> call{};

  template <class X>
  void set(const X& objective, const char* text) {
    formula = text;
    call = [this, objective]() -> double {
      if constexpr (distill::row_objective<X>)
        return distill::value_and_gradient(
            objective, distill::batch<float>{.student = student, .teacher = teacher, .labels = labels},
            {.student = gradient}, {.execution = {.threads = threads}}, rows);
      else if constexpr (distill::pair_objective<X>)
        return distill::value_and_gradient(objective, distill::feature_pair<float>{student, teacher},
                                           {.student = gradient}, {.execution = {.threads = threads}}, pairs);
      else
        return distill::value_and_gradient(objective,
                                           distill::contrast_batch<float>{.anchors = student, .keys = teacher},
                                           {.anchors = gradient}, {.execution = {.threads = threads}}, similarities);
    };
  }

  /// The student's matrix is the costs between equal masses.
  void set(const sinkhorn_options& options, const char* text) {
    formula = text;
    call = [this, options]() -> double {
      distill::transport_gradients<float> out;
      if (!value_only) out.cost = gradient;
      return distill::solve_transport(distill::transport_problem<float>{.cost = student}, options, out, transport,
                                      {.threads = threads})
          .value;
    };
  }
};

}  // namespace

// The text shown is the code that ran.
#define PEERS_SET(...) it->set(__VA_ARGS__, #__VA_ARGS__)

extern "C" {

problem* peers_open(const char* objective, const float* student, const float* teacher, const std::int64_t* labels,
                    float* gradient, std::int64_t rows, std::int64_t columns, int threads) {
  const distill::matrix_view<const float> s(student, rows, columns), t(teacher, rows, columns);
  auto* it = new problem{
      .student = s, .teacher = t, .labels = {labels, rows}, .gradient = {gradient, rows, columns}, .threads = threads};
  const std::string_view name = objective;
  if (name == "kl_t4") PEERS_SET(kl{.temperature = 4});
  if (name == "kl_t1") PEERS_SET(kl{.temperature = 1});
  if (name.starts_with("js")) PEERS_SET(jensen_shannon{.beta = 0.5});
  if (name == "sp") PEERS_SET(similarity_preserving{});
  if (name == "cka") PEERS_SET(cka{});
  if (name == "rkd_distance") PEERS_SET(relational_distance{});
  if (name == "info_nce") PEERS_SET(info_nce{.temperature = 0.1});
  if (name == "mix") PEERS_SET(0.9 * kl{.temperature = 4} + 0.1 * cross_entropy{});
  if (name == "pld") PEERS_SET(pld{});
  if (name == "uld") PEERS_SET(uld{});
  it->value_only = name == "sinkhorn_value";
  if (name == "sinkhorn_envelope")
    PEERS_SET(sinkhorn_options{.epsilon = 0.1, .iterations = 50, .value = transport_value::entropic});
  if (name == "sinkhorn_unrolled" || it->value_only)
    PEERS_SET(sinkhorn_options{
        .epsilon = 0.1, .iterations = 50, .value = transport_value::cost, .gradient = transport_gradient::unrolled});
  if (name == "sinkhorn_implicit")
    PEERS_SET(sinkhorn_options{
        .epsilon = 0.1, .iterations = 50, .value = transport_value::cost, .gradient = transport_gradient::implicit});
  if (it->call) return it;
  delete it;
  return nullptr;
}

int peers_value_only(const problem* it) { return it->value_only; }

const char* peers_formula(const problem* it) { return it->formula; }

double peers_run(const problem* it, std::int64_t repeats) {
  double value = 0;
  for (std::int64_t i = 0; i < repeats; ++i) value = it->call();
  return value;
}
}
