// Ctrl-C as a wish to stop, rather than the end. POSIX.
#pragma once

#include <csignal>

#include "../config.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

/// While it lives, the first SIGINT (Ctrl-C) is only remembered; a second one ends the process as it always does.
/// Nothing is changed where the process ignores the signal (what a script runs in the background). One at a time.
class interrupt {
 public:
  interrupt() {
    asked_ = 0;
    struct sigaction ours {};
    ours.sa_handler = [](int) { asked_ = 1; };
    ours.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);  // the default stands again from the first signal on
    sigemptyset(&ours.sa_mask);
    installed_ = sigaction(SIGINT, nullptr, &before_) == 0 && before_.sa_handler != SIG_IGN &&
                 sigaction(SIGINT, &ours, nullptr) == 0;
  }
  interrupt(const interrupt&) = delete;
  interrupt& operator=(const interrupt&) = delete;
  ~interrupt() {
    if (installed_) sigaction(SIGINT, &before_, nullptr);
  }

  bool asked() const { return asked_ != 0; }

 private:
  static inline volatile std::sig_atomic_t asked_ = 0;
  struct sigaction before_ {};
  bool installed_ = false;
};

}  // namespace train
DISTILL_NAMESPACE_END
