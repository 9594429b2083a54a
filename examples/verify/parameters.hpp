// The catalogue's hyper-parameters by name.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <distill/catalogue.hpp>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace verify {

/// What was asked for on the command line: name and text.
using parameter_texts = std::map<std::string, std::string>;

/// Calls visit(name, member) for every hyper-parameter that the objective has.
template <class O, class Visit>
void each_parameter(O& o, const Visit& visit) {
  if constexpr (requires { o.temperature; }) visit("temperature", o.temperature);
  if constexpr (requires { o.scaling; }) visit("scaling", o.scaling);
  if constexpr (requires { o.alpha; }) visit("alpha", o.alpha);
  if constexpr (requires { o.beta; }) visit("beta", o.beta);
  if constexpr (requires { o.gamma; }) visit("gamma", o.gamma);
  if constexpr (requires { o.delta; }) visit("delta", o.delta);
  if constexpr (requires { o.lambda; }) visit("lambda", o.lambda);
  if constexpr (requires { o.t; }) visit("t", o.t);
  if constexpr (requires { o.head_mass; }) visit("head_mass", o.head_mass);
  if constexpr (requires { o.head; }) visit("head", o.head);
  if constexpr (requires { o.lower; }) visit("lower", o.lower);
  if constexpr (requires { o.upper; }) visit("upper", o.upper);
  if constexpr (requires { o.label_smoothing; }) visit("label_smoothing", o.label_smoothing);
  if constexpr (requires { o.log_floor; }) visit("log_floor", o.log_floor);
  if constexpr (requires { o.background; }) visit("background", o.background);
  if constexpr (requires { o.ignore_index; }) visit("ignore_index", o.ignore_index);
  if constexpr (requires { o.form; }) visit("form", o.form);
  if constexpr (requires { o.convention; }) visit("convention", o.convention);
}

template <class Enum>
struct choice {
  std::string_view name;
  Enum value;
};
constexpr auto choices(distill::temperature_scaling) {
  using enum distill::temperature_scaling;
  return std::array{choice{"squared", squared}, choice{"none", none}};
}
constexpr auto choices(distill::jensen_shannon_form) {
  using enum distill::jensen_shannon_form;
  return std::array{choice{"literal", literal}, choice{"normalised", normalised}, choice{"swapped", swapped}};
}
constexpr auto choices(distill::ofa_form) {
  using enum distill::ofa_form;
  return std::array{choice{"paper", paper}, choice{"code", code}};
}
constexpr auto choices(distill::top_k) {
  using enum distill::top_k;
  return std::array{choice{"raw_mass", raw_mass}, choice{"teacher_renormalised", teacher_renormalised},
                    choice{"both_renormalised", both_renormalised}, choice{"ghost_bucket", ghost_bucket}};
}

template <class Number>
void parse(const std::string& option, const std::string& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw std::invalid_argument(option + ": '" + text + "' is not " +
                                (std::integral<Number> ? "an integer" : "a number"));
}

/// Reads `text` into a hyper-parameter of whatever type.
template <class Member>
void assign(const std::string& option, const std::string& text, Member& member) {
  if constexpr (std::is_enum_v<Member>) {
    std::string known;
    for (const auto& c : choices(Member())) {
      if (c.name == text) {
        member = c.value;
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(c.name);
    }
    throw std::invalid_argument(option + ": there is no " + text + "; known: " + known);
  } else if constexpr (std::integral<Member>) {
    parse(option, text, member);
  } else {
    double number = 0;
    parse(option, text, number);
    member = number;
  }
}

/// Sets what was given; throws a sentence that names what the objective has if it has no such thing.
template <class O>
void set_parameters(O& objective, const parameter_texts& given) {
  std::string known;
  each_parameter(objective, [&](const char* name, auto&) { known += (known.empty() ? "" : ", ") + std::string(name); });
  for (const auto& [name, text] : given) {
    bool found = false;
    each_parameter(objective, [&](std::string_view own, auto& member) {
      if (own != name) return;
      assign("--" + name, text, member);
      found = true;
    });
    if (!found)
      throw std::invalid_argument("--" + name + ": " + std::string(O::info.name) +
                                  " has no such parameter; it has: " + (known.empty() ? "none" : known));
  }
}

}  // namespace verify
