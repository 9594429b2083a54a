// Pictures by gnuplot. A file appears under its name only when it is complete.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace example {

/// A file name as gnuplot reads it.
inline std::string gnuplot_string(const std::filesystem::path& path) {
  std::string result = "'";
  for (const char c : path.string()) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

/// Lets gnuplot run `script`, which draws `file` (PNG). False, and no file, where gnuplot is missing or fails.
inline bool draw(const std::filesystem::path& file, const std::string& script) {
  const std::filesystem::path partial = file.string() + ".part", commands = file.string() + ".gp";
  std::ofstream(commands)
      << "set terminal pngcairo size 900,560 font 'sans,12' background '#ffffff'\n"
      << "set output " << gnuplot_string(partial) << "\nset encoding utf8\n"
      << "set bmargin 4\nset border 3 lc rgb '#555555'\nset tics nomirror textcolor rgb '#333333'\nset grid lc rgb "
         "'#dddddd' lt 1\n"
      << "set style line 1 lc rgb '#444444' lw 2\nset style line 2 lc rgb '#d1662b' lw 2.5 pt 7 ps 0.8\n"
      << "set style line 3 lc rgb '#1f6fb2' lw 2.5 pt 7 ps 0.8\n"
      << script;
  const bool drawn = std::system(("gnuplot \"" + commands.string() + "\" >/dev/null 2>&1").c_str()) == 0;
  std::error_code failed;
  if (drawn) std::filesystem::rename(partial, file, failed);
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  std::filesystem::remove(commands, ignored);
  return drawn && !failed;
}

}  // namespace example
