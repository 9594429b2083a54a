// Everything a training run needs to go on, in one file. Needs nlohmann-json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <map>
#include <ostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../io/safetensors.hpp"
#include "../nn/layer.hpp"
#include "../nn/optimiser_memory.hpp"
#include "../nn/tape.hpp"
#include "detail/tensor_list.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

/// A list of what belongs to a run, by reference; save() writes it as one safetensors file, atomically, load() fills
/// the same list in another process. The run then goes on bit for bit as if it had not been stopped: schedules,
/// loaders, augmentation and dropout depend on the step, which is saved, and on nothing else.
///
///     train::checkpoint<float> run;
///     run.add("model", model).add("optimiser", adam, model.parameters()).add("loop", state).add("tape", tape);
///     if (exists(file)) run.load(file);
///
/// Names are "model.0.weight", "optimiser.0.weight.m", "loop.step"; layers that are not of one network but in one
/// list get theirs by place_at(). What is listed must outlive the checkpoint.
template <class T>
class checkpoint {
 public:
  /// Parameters and buffers.
  checkpoint& add(const std::string& name, nn::layer<T>& model) {
    return part(name, [&model](detail::tensor_list<T>& list) { list(model.parameters()), list(model.buffers()); });
  }
  checkpoint& add(const std::string& name, std::vector<nn::parameter<T>*> parameters) {
    return part(name, [parameters = std::move(parameters)](detail::tensor_list<T>& list) { list(parameters); });
  }
  /// An optimiser and the parameters that its steps get.
  template <nn::has_memory<T> Optimiser>
  checkpoint& add(const std::string& name, Optimiser& optimiser, std::vector<nn::parameter<T>*> parameters) {
    return part(name, [&optimiser, parameters = std::move(parameters)](detail::tensor_list<T>& list) {
      optimiser.visit_memory(parameters, list);
    });
  }
  /// Whatever hands out its own memory: loop_state.
  template <class State>
  requires requires(State& s, detail::tensor_list<T>& list) { s.visit_memory(list); }
  checkpoint& add(const std::string& name, State& state) {
    return part(name, [&state](detail::tensor_list<T>& list) { state.visit_memory(list); });
  }
  /// The number of the noise that the next step draws.
  checkpoint& add(const std::string& name, nn::tape<T>& tape) {
    tapes_.push_back({name + ".noise", &tape});
    return *this;
  }
  checkpoint& add(const std::string& name, index& number) { return number_at(name, number); }
  checkpoint& add(const std::string& name, std::uint64_t& number) { return number_at(name, number); }
  checkpoint& add(const std::string& name, double& number) { return number_at(name, number); }
  checkpoint& add(const std::string& name, bool& number) { return number_at(name, number); }
  /// A state of state/, queues, banks, averages; or curves.
  template <class State>
  requires requires(State& s, std::istream& in, std::ostream& out) { s.save(out), s.load(in); }
  checkpoint& add(const std::string& name, State& state) {
    streams_.push_back(
        {name, [&state](std::ostream& out) { state.save(out); }, [&state](std::istream& in) { state.load(in); }});
    return *this;
  }

  /// @throws file_error  the file cannot be written: the old one is still there; two parts of one name
  void save(const std::filesystem::path& path, std::map<std::string, std::string> metadata = {}) const {
    std::vector<std::uint64_t> noise;
    std::vector<safetensors_tensor> tensors = parts(noise).views();
    std::vector<std::string> texts;
    texts.reserve(streams_.size());
    for (const stream_state& s : streams_) {
      std::ostringstream out;
      s.save(out);
      texts.push_back(std::move(out).str());
      tensors.push_back(safetensors_tensor::of(s.name, reinterpret_cast<const std::uint8_t*>(texts.back().data()),
                                               {static_cast<index>(texts.back().size())}));
    }
    metadata.emplace("format", "distill checkpoint 1");
    write_safetensors(path, tensors, metadata);
  }

  /// @throws file_error  what read_safetensors() throws; parts missing, unexpected, of one name, or of another type or
  ///   shape, each named with both, before anything is changed; a state of state/ that is damaged, when states before
  ///   it are filled already
  void load(const std::filesystem::path& path) {
    const safetensors_file file = read_safetensors(path);
    std::vector<std::uint64_t> noise;
    const detail::tensor_list<T> list = parts(noise);
    std::set<std::string> names;
    for (const stream_state& s : streams_) names.insert(s.name);
    list.match(path, file, false, names);
    for (const stream_state& s : streams_) {
      const safetensors_tensor& from = *file.find(s.name);
      std::istringstream in(std::string(from.bytes.begin(), from.bytes.end()));
      s.load(in);
    }
    list.fill(file);
    for (std::size_t i = 0; i < tapes_.size(); ++i) {
      const bool training = tapes_[i].tape->training();
      tapes_[i].tape->train(noise[i]);
      if (!training) tapes_[i].tape->evaluate();
    }
  }

 private:
  struct stream_state {
    std::string name;
    std::function<void(std::ostream&)> save;
    std::function<void(std::istream&)> load;
  };
  struct noise_of {
    std::string name;
    nn::tape<T>* tape;
  };

  checkpoint& part(const std::string& name, std::function<void(detail::tensor_list<T>&)> list) {
    parts_.push_back([name, list = std::move(list)](detail::tensor_list<T>& to) {
      to.prefix = name + ".";
      list(to);
      to.prefix.clear();
    });
    return *this;
  }
  template <class Number>
  checkpoint& number_at(const std::string& name, Number& number) {
    parts_.push_back([name, &number](detail::tensor_list<T>& to) { to(name, number); });
    return *this;
  }
  /// Where everything lies now: optimisers make their memory when they are first asked. The tapes' numbers lie in
  /// `noise`.
  detail::tensor_list<T> parts(std::vector<std::uint64_t>& noise) const {
    detail::tensor_list<T> list;
    for (const auto& add_to : parts_) add_to(list);
    for (const noise_of& t : tapes_) noise.push_back(t.tape->noise());
    for (std::size_t i = 0; i < tapes_.size(); ++i) list(tapes_[i].name, noise[i]);
    return list;
  }

  std::vector<std::function<void(detail::tensor_list<T>&)>> parts_;
  std::vector<stream_state> streams_;
  std::vector<noise_of> tapes_;
};

}  // namespace train
DISTILL_NAMESPACE_END
