// One line on the terminal that says how far the work is. POSIX.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

/// A bar on stderr, and nothing at all where stderr is no terminal.
class progress {
 public:
  /// `total` units of work in all, in whatever unit advance() counts. The time left is measured, not guessed: it
  /// follows the speed so far. `items` is what advance() also counts and the bar shows a second.
  explicit progress(double total, std::string items = "images")
      : total_(total), items_name_(std::move(items)), terminal_(isatty(STDERR_FILENO) != 0) {}
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  ~progress() { clear(); }

  /// What the work is about from here on.
  void phase(const std::string& name) {
    phase_ = name;
    phase_start_ = clock::now();
    phase_items_ = 0;
  }
  void advance(double work, double items, double loss) {
    done_ += work;
    phase_items_ += items;
    const auto now = clock::now();
    if (!terminal_ || std::chrono::duration<double>(now - drawn_).count() < 0.1) return;
    drawn_ = now;
    const double share = std::clamp(done_ / total_, 0.0, 1.0), spent = seconds_since(start_);
    const int left = share > 0 ? static_cast<int>(std::min(spent * (1 - share) / share + 0.5, 1e6)) : 0;
    const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
    std::fprintf(stderr, "\r\033[K[%s%s] %3.0f %%  %s  loss %.4f  %.0f %s/s  %d:%02d left",
                 std::string(full, '#').c_str(), std::string(width - full, '.').c_str(), 100 * share, phase_.c_str(),
                 loss, phase_items_ / seconds_since(phase_start_), items_name_.c_str(), left / 60, left % 60);
    std::fflush(stderr);
  }
  /// Takes the bar away; the next advance() shows it again.
  void clear() {
    if (!terminal_ || drawn_ == start_) return;
    std::fprintf(stderr, "\r\033[K");
    std::fflush(stderr);
  }
  /// A line that stays, terminal or not: what somebody who asked for a bar must know.
  void say(const std::string& line) {
    clear();
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  double seconds() const { return seconds_since(start_); }

 private:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t width = 24;
  static double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  }
  double total_, done_ = 0, phase_items_ = 0;
  std::string items_name_;
  bool terminal_;
  std::string phase_;
  clock::time_point start_ = clock::now(), phase_start_ = start_, drawn_ = start_;
};

}  // namespace train
DISTILL_NAMESPACE_END
