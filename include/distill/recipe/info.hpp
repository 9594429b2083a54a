// Where a recipe comes from.
#pragma once

#include <string_view>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN

/// What a recipe was written after.
enum class closeness {
  code,          ///< the authors' program, or a listing in the paper
  paper,         ///< the paper's text
  reconstructed  ///< a summary: the free choices are the recipe's options
};

/// Every recipe has one, `info`.
struct recipe_info {
  std::string_view name;    ///< as programs take it
  std::string_view title;   ///< as people say it
  std::string_view idea;    ///< half a sentence
  std::string_view source;  ///< where it was published
  closeness how = closeness::code;
  bool classifier = true;  ///< learns from a classifier's logits; others say what their lessons hold
  bool validates = false;  ///< learns from samples that the student does not see: study::unseen
};

DISTILL_NAMESPACE_END
