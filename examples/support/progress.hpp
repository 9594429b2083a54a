// One line on the terminal that says how far the work is; nothing where there is no terminal.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace example {

class progress {
 public:
  /// `total` units of work in all, in whatever unit advance() counts. The time left is measured, not guessed: it
  /// follows the speed so far.
  explicit progress(double total) : total_(total), terminal_(isatty(STDERR_FILENO) != 0) {}
  ~progress() { clear(); }

  void phase(const std::string& name) {
    phase_ = name;
    phase_start_ = clock::now();
    phase_images_ = 0;
    if (!terminal_) std::fprintf(stderr, "%s\n", name.c_str());
  }
  void advance(double work, double images, double loss) {
    done_ += work;
    phase_images_ += images;
    const auto now = clock::now();
    if (!terminal_ || std::chrono::duration<double>(now - drawn_).count() < 0.1) return;
    drawn_ = now;
    const double share = done_ / total_, spent = seconds_since(start_);
    const int left = static_cast<int>(spent * (1 - share) / share + 0.5), full = static_cast<int>(share * width);
    std::fprintf(stderr, "\r\033[K[%s%s] %3.0f %%  %s  loss %.4f  %.0f images/s  %d:%02d left",
                 std::string(full, '#').c_str(), std::string(width - full, '.').c_str(), 100 * share, phase_.c_str(),
                 loss, phase_images_ / seconds_since(phase_start_), left / 60, left % 60);
    std::fflush(stderr);
  }
  void clear() {
    if (terminal_) std::fprintf(stderr, "\r\033[K");
  }
  double seconds() const { return seconds_since(start_); }

 private:
  using clock = std::chrono::steady_clock;
  static constexpr int width = 24;
  static double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  }
  double total_, done_ = 0, phase_images_ = 0;
  bool terminal_;
  std::string phase_;
  clock::time_point start_ = clock::now(), phase_start_ = start_, drawn_ = start_;
};

}  // namespace example
