// Pictures by gnuplot. POSIX.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

#include "../config.hpp"
#include "../io/atomic_file.hpp"

extern char** environ;

DISTILL_NAMESPACE_BEGIN
namespace train {

/// A text as gnuplot reads it, file names above all.
inline std::string gnuplot_string(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

/// Lets gnuplot run `script`, which draws `file` (PNG) in the line styles 1 to 3. The file appears under its name only
/// when it is complete. False, and no file, where gnuplot is missing or fails.
/// @throws file_error  the folder does not take files
inline bool draw_picture(const std::filesystem::path& file, const std::string& script) {
  const std::string drawn = file.string() + ".drawing", commands = file.string() + ".gp";
  atomic_file text(commands);
  text.write(
      "set terminal pngcairo size 900,560 font 'sans,12' background '#ffffff'\nset output " + gnuplot_string(drawn) +
      "\nset encoding utf8\nset bmargin 4\nset border 3 lc rgb '#555555'\nset tics nomirror textcolor rgb '#333333'\n"
      "set grid lc rgb '#dddddd' lt 1\nset style line 1 lc rgb '#444444' lw 2\n"
      "set style line 2 lc rgb '#d1662b' lw 2.5 pt 7 ps 0.8\nset style line 3 lc rgb '#1f6fb2' lw 2.5 pt 7 ps 0.8\n" +
      script);
  text.commit();

  // Not through a shell: a file may be called anything.
  posix_spawn_file_actions_t quiet;
  posix_spawn_file_actions_init(&quiet);
  posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  std::string name = "gnuplot", argument = std::filesystem::absolute(commands).string();
  char* const arguments[] = {name.data(), argument.data(), nullptr};
  pid_t process = -1;
  int status = -1;
  const bool started = posix_spawnp(&process, "gnuplot", &quiet, nullptr, arguments, environ) == 0;
  posix_spawn_file_actions_destroy(&quiet);
  while (started && waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  std::error_code failed, ignored;
  if (started && status == 0) std::filesystem::rename(drawn, file, failed);
  std::filesystem::remove(drawn, ignored);
  std::filesystem::remove(commands, ignored);
  return started && status == 0 && !failed;
}

}  // namespace train
DISTILL_NAMESPACE_END
