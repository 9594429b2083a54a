// What is remembered from batch to batch, and its files.
#include <sstream>

#include <distill/schedule/momentum_schedule.hpp>
#include <distill/state/centre.hpp>
#include <distill/state/memory_bank.hpp>
#include <distill/state/memory_queue.hpp>
#include <distill/state/moving_average.hpp>
#include <distill/state/prototypes.hpp>

#include "contrast/support.hpp"

namespace contrast_tests {

using distill::memory_queue;
using distill::momentum_schedule;
using distill::moving_average;

TEST_CASE("memory_queue: first in, first out; rows at length 1; smaller than a batch; empty") {
  const auto numbered = [](int first, index count) {
    matrix<double> m(count, 2);
    for (index r = 0; r < count; ++r) m(r, 0) = 3, m(r, 1) = 4 * static_cast<double>(first + r);
    return m;
  };
  const auto number = [](const double* row) { return row[1] / row[0] * 0.75; };
  memory_queue<double> queue(5, 2);
  CHECK(queue.keys().rows == 0);
  int pushed = 0;
  for (const index count : {2, 2, 3, 1, 5, 7, 0, 4}) {
    queue.push(numbered(pushed, count).view());
    pushed += static_cast<int>(count);
    CHECK(queue.size() == std::min<index>(pushed, 5));
    for (index age = 0; age < queue.size(); ++age)
      CHECK(number(queue.row(age)) ==
            doctest::Approx(static_cast<double>(pushed) - static_cast<double>(queue.size() - age)));
    for (index r = 0; r < queue.size(); ++r)
      CHECK(std::hypot(queue.keys()(r, 0), queue.keys()(r, 1)) == doctest::Approx(1));
  }
  queue.push(matrix<double>(1, 2).view());
  CHECK(queue.row(4)[0] == 0);
  memory_queue<double> copy = queue;
  queue.clear();
  CHECK(queue.size() == 0);
  CHECK(copy.size() == 5);
  memory_queue<double> none(0, 2);
  none.push(numbered(0, 3).view());
  CHECK(none.keys().rows == 0);
  // Rows of any strides.
  matrix<double> turned(2, 1, {6, 8});
  none = memory_queue<double>(1, 2);
  none.push(distill::transposed(turned.view()));
  CHECK(none.row(0)[0] == doctest::Approx(0.6));

  CHECK(message_of([&] { copy.push(matrix<double>(2, 3).view()); }) ==
        "distill: memory_queue: rows have 3 columns, the queue's width is 2");
  CHECK(message_of([] { memory_queue<float>(-1, 2); }) ==
        "distill: memory_queue: capacity is -1, must not be negative");
  CHECK(message_of([] { memory_queue<float>(1, 0); }) == "distill: memory_queue: width is 0, must be at least 1");
}

TEST_CASE("moving_average and momentum_schedule") {
  const std::vector<float> start{1, 2, 3, 4}, fresh{5, 6, 7, 8}, part{0, 0};
  moving_average<float> average{std::span(start)};
  average.update(fresh, 1);
  CHECK(std::equal(start.begin(), start.end(), average.values().begin()));
  average.update(fresh, 0.75);
  CHECK(average.values()[0] == 2);
  CHECK(average.values()[3] == 5);
  average.update(2, part, 0.5);
  CHECK(average.values()[1] == 3);
  CHECK(average.values()[2] == 2);
  CHECK(average.values(2, 2)[1] == 2.5f);
  average.update(fresh, 0);
  CHECK(std::equal(fresh.begin(), fresh.end(), average.values().begin()));
  const std::vector<double> many(300000, 1), few(300000, 3);
  moving_average<double> one{std::span(many)}, three{std::span(many)};
  one.update(few, 0.9);
  three.update(few, 0.9, {3});
  CHECK(std::equal(one.values().begin(), one.values().end(), three.values().begin()));
  CHECK(one.values()[299999] == doctest::Approx(1.2));
  CHECK(message_of([&] { average.update(part, 0.5); }) ==
        "distill: moving_average: 2 numbers given, the average has 4");
  CHECK(message_of([&] { average.update(3, part, 0.5); }) ==
        "distill: moving_average: 2 numbers from 3 on, the average has 4");
  CHECK(message_of([&] { average.values(-1, 1); }) ==
        "distill: moving_average: 1 numbers from -1 on, the average has 4");
  CHECK(message_of([&] { average.update(fresh, 1.5); }) ==
        "distill: moving_average: momentum is 1.5, must lie in [0, 1]");

  const momentum_schedule schedule{.first = 0.9, .last = 1, .steps = 100};
  CHECK(schedule(0) == doctest::Approx(0.9));
  CHECK(schedule(50) == doctest::Approx(0.95));
  CHECK(schedule(100) == 1);
  CHECK(schedule(1000) == 1);
  const momentum_schedule warm{.first = 0.9, .last = 0.9, .steps = 1, .warm_up = true};
  CHECK(warm(0) == 0);
  CHECK(warm(1) == 0.5);
  CHECK(warm(100) == doctest::Approx(0.9));
  CHECK(message_of([&] { schedule(-1); }) == "distill: momentum_schedule: step is -1, must not be negative");
  CHECK(message_of([] { momentum_schedule{.steps = 0}(1); }) ==
        "distill: momentum_schedule: steps is 0, must be at least 1");
  CHECK(message_of([] { momentum_schedule{.first = 2}(1); }) ==
        "distill: momentum_schedule: momentum is 2, must lie in [0, 1]");
}

template <class State>
std::string saved(const State& state) {
  std::stringstream file;
  state.save(file);
  return file.str();
}
/// What loading says; the state must stay what it was.
template <class State>
std::string file_error_of(State& state, const std::string& bytes) {
  const std::string before = saved(state);
  std::stringstream file(bytes);
  try {
    state.load(file);
  } catch (const distill::file_error& error) {
    CHECK(saved(state) == before);
    return error.what();
  }
  return "no error";
}

/// Every state: comes back bit for bit, and is not fooled by what is not one of its files.
template <class State, class Other>
void files(const State& state, State other, const Other& stranger) {
  const std::string bytes = saved(state), name = bytes.substr(8, 24).c_str();
  CAPTURE(name);
  std::stringstream file(bytes + "next");
  State back = other;
  back.load(file);
  CHECK(saved(back) == bytes);
  std::string rest;
  file >> rest;
  CHECK(rest == "next");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    REQUIRE(file_error_of(other, bytes.substr(0, size)).starts_with("distill: " + name + ": truncated"));
  const auto with = [&](std::size_t at, char c) {
    std::string changed = bytes;
    changed[at] = c;
    return file_error_of(other, changed);
  };
  CHECK(with(0, 'x') == "distill: " + name + ": not a saved state of distill");
  CHECK(with(8, 1).find("the saved state is a ?") != std::string::npos);
  CHECK(with(32, 2) == "distill: " + name + ": version is 2, supported is 1");
  CHECK(with(36, 2).find("numbers of 2 bytes") != std::string::npos);
  CHECK(with(40 + 7, char(0x80)).find(" is -") != std::string::npos);  // the first extent, its sign
  CHECK(with(40 + 6, 1).find("must lie in") != std::string::npos);     // 2⁴⁸
  CHECK(file_error_of(other, saved(stranger)).find("expected") != std::string::npos);
  std::ofstream nowhere("/nonexistent/state");
  CHECK_THROWS_AS(state.save(nowhere), distill::file_error);
  // An extent that the file does not bear out is not allocated for.
  CHECK(with(40 + 4, 1).starts_with("distill: " + name));
}

TEST_CASE("Files of states: exact, and read with suspicion") {
  const matrix<float> rows = random_matrix<float>(7, 3, 1);
  memory_queue<float> queue(5, 3);
  queue.push(rows.view());
  distill::memory_bank<float> bank(4, 3, distill::random_stream(1));
  distill::centre<float> centre(3);
  centre.update(rows.view());
  moving_average<float> average{std::span(rows.data)};
  distill::prototypes<float> prototypes(4, 3);
  prototypes.update(rows.view(), std::vector<int>{0, 1, 0, 1, 3, -1, 0});
  files(queue, memory_queue<float>(2, 2), bank);
  files(bank, distill::memory_bank<float>(2, 2, distill::random_stream(3)), queue);
  files(centre, distill::centre<float>(2), queue);
  files(average, moving_average<float>(), queue);
  files(prototypes, distill::prototypes<float>(2, 2), queue);

  memory_queue<double> wide(5, 3);
  CHECK(file_error_of(wide, saved(queue)) == "distill: memory_queue: numbers of 4 bytes, of 8 expected");
  // A queue whose next place does not fit its size: capacity, width, size and next are the first four numbers.
  memory_queue<float> partly(5, 3);
  partly.push(matrix_view<const float>(rows.data.data(), 2, 3));
  std::string bytes = saved(partly);
  bytes[40 + 3 * 8] = 4;
  CHECK(file_error_of(wide, bytes).find("bytes") != std::string::npos);
  CHECK(file_error_of(partly, bytes) == "distill: memory_queue: the next place is 4, after 2 rows it must be 2");
  bytes[40 + 2 * 8] = 6;
  CHECK(file_error_of(partly, bytes) == "distill: memory_queue: size is 6, must lie in [0, 5]");
  distill::centre<float> other(3);
  bytes = saved(centre);
  bytes[40 + 8 + 7] = char(0x7f);
  CHECK(file_error_of(other, bytes).find("momentum is") != std::string::npos);
}

}  // namespace contrast_tests
