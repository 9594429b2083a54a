// What came of one method on a task of its own.
#pragma once

#include <cstdint>
#include <distill/recipe/info.hpp>
#include <functional>
#include <string>
#include <vector>

namespace example {

struct measure {
  std::string name;  ///< with its unit: "nDCG@10 %"
  double value;
};

/// One trained network, or one way of using it.
struct outcome {
  std::string variant;  ///< "plain", "distilled", …
  std::vector<measure> measures;
  double seconds = 0;
};

/// What every task is told. The same seed gives the same outcome.
struct task_settings {
  std::uint64_t seed = 1;
  int epochs = 0;   ///< 0: what suits the task
  int threads = 0;  ///< 0: every core
  std::string data = "/usr/share/datasets/fashion-mnist";
};

/// A method with data of its own.
struct known_task {
  distill::recipe_info info;
  std::function<std::vector<outcome>(const task_settings&)> run;
};

}  // namespace example
