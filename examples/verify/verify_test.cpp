// verify, as a user runs it: `verify_test PROGRAM FOLDER` writes arrays to the folder and asks about them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <distill/io/npy.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using distill::half;

std::string program, folder;
int failures = 0;

/// Runs verify; it must end with `status` and print `sentence` somewhere, and if it refuses, print one line.
void expect(int status, const std::string& sentence, std::string arguments) {
  for (std::size_t at = 0; (at = arguments.find('@', at)) != std::string::npos;) arguments.replace(at, 1, folder + "/");
  const std::string command = "\"" + program + "\" " + arguments + " 2>&1";
  std::FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  for (int c = pipe ? std::fgetc(pipe) : EOF; c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  const int code = pipe ? pclose(pipe) / 256 : -1;
  const auto lines = std::count(output.begin(), output.end(), '\n');
  if (code == status && output.find(sentence) != std::string::npos && (status != 2 || lines == 1)) return;
  std::printf("%s\nexit %d, expected %d with '%s':\n%s\n", arguments.c_str(), code, status, sentence.c_str(),
              output.c_str());
  ++failures;
}

constexpr int rows = 3, columns = 5;
constexpr double temperature = 2;

std::vector<double> logits(double seed) {
  std::vector<double> z;
  for (int i = 0; i < rows * columns; ++i)
    z.push_back(static_cast<double>(static_cast<float>(3 * std::sin(seed + 1.7 * i))));
  return z;
}

/// The gradient of T² KL, averaged over the rows, as a textbook has it.
std::vector<double> kl_gradient(const std::vector<double>& s, const std::vector<double>& t) {
  std::vector<double> result;
  for (int r = 0; r < rows; ++r) {
    double sum_s = 0, sum_t = 0;
    for (int i = r * columns; i < (r + 1) * columns; ++i) {
      sum_s += std::exp(s[static_cast<std::size_t>(i)] / temperature);
      sum_t += std::exp(t[static_cast<std::size_t>(i)] / temperature);
    }
    for (int i = r * columns; i < (r + 1) * columns; ++i)
      result.push_back(temperature / rows *
                       (std::exp(s[static_cast<std::size_t>(i)] / temperature) / sum_s -
                        std::exp(t[static_cast<std::size_t>(i)] / temperature) / sum_t));
  }
  return result;
}

template <class T>
void write(const std::string& name, const std::vector<double>& values, const std::vector<distill::index>& extents) {
  std::vector<T> stored;
  for (const double x : values)
    if constexpr (std::is_arithmetic_v<T>)
      stored.push_back(static_cast<T>(x));
    else
      stored.push_back(T(static_cast<float>(x)));
  distill::write_npy(folder + "/" + name, stored.data(), extents);
}

void write_arrays() {
  const std::vector<double> s = logits(1), t = logits(2), g = kl_gradient(s, t);
  std::vector<double> wrong = g, unscaled = g, broken = g;
  wrong[7] += 1e-3;
  broken[11] = std::nan("");
  for (double& x : unscaled) x /= temperature * temperature;
  write<float>("s.npy", s, {rows, columns});
  write<float>("t.npy", t, {rows, columns});
  write<float>("three_axes.npy", s, {1, rows, columns});
  write<double>("g64.npy", g, {rows, columns});
  write<float>("g.npy", g, {rows, columns});
  write<half>("g16.npy", g, {rows, columns});
  write<float>("wrong.npy", wrong, {rows, columns});
  write<float>("unscaled.npy", unscaled, {rows, columns});
  write<float>("broken.npy", broken, {rows, columns});
  write<float>("narrow.npy", t, {columns, rows});
  write<std::int64_t>("y.npy", {0, 4, 2}, {rows});
  write<std::int64_t>("bad_y.npy", {0, 5, 2}, {rows});
  write<std::int32_t>("mask.npy", {1, 0, 1}, {rows});
  std::FILE* const text = std::fopen((folder + "/text.npy").c_str(), "w");
  std::fputs("1, 2, 3\n", text);
  std::fclose(text);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  program = argv[1];
  folder = argv[2];
  std::filesystem::create_directories(folder);
  write_arrays();

  const std::string alone = "--objective kl --temperature 2 --student @s.npy", kl = alone + " --teacher @t.npy";
  for (const char* const file : {"g.npy", "g16.npy", "g64.npy"}) expect(0, "PASS", kl + " --gradient @" + file);
  expect(0, "float32", kl + " --gradient @g.npy");
  expect(0, "PASS", "--temperature 2 --student @three_axes.npy --teacher @t.npy --gradient @g.npy");
  expect(0, "value      1.58817", kl);
  expect(1, "row 1, column 2: theirs", kl + " --gradient @wrong.npy");
  expect(0, "PASS", kl + " --gradient @wrong.npy --threshold 0.1");
  expect(1, "theirs is 0.25 times ours", kl + " --gradient @unscaled.npy");
  expect(0, "PASS", kl + " --gradient @unscaled.npy --scaling none");
  expect(1, "theirs is 0.333333 times ours", kl + " --gradient @g.npy --reduction sum");
  expect(0, "PASS", kl + " --gradient @g.npy --reduction count=3");
  expect(1, "1 entries are infinite or NaN", kl + " --gradient @broken.npy");
  expect(1, "FAIL", kl + " --gradient @g.npy --mask @mask.npy");
  expect(1, "FAIL", kl + " --gradient @g.npy --to teacher");
  expect(0, "cross_entropy", "--objective cross_entropy --label_smoothing 0.1 --student @s.npy --labels @y.npy");
  expect(0, "value", "--objective jensen_shannon --beta 0.25 --form swapped --student @s.npy --teacher @t.npy");
  expect(0, "value", "--objective top_k_kl --convention raw_mass --stored 2 --student @s.npy --teacher @t.npy");
  expect(0, "value", kl + " --output @ours.npy");
  expect(0, "PASS", kl + " --gradient @ours.npy");

  expect(2, "--objective: there is no klx; known: ", "--objective klx --student @s.npy");
  expect(2, "absent.npy: cannot open", alone + " --teacher @absent.npy");
  expect(2, "text.npy: not an NPY file", kl + " --gradient @text.npy");
  expect(2, "y.npy holds integers", alone + " --teacher @y.npy");
  expect(2, "s.npy holds floating-point numbers", kl + " --labels @s.npy");
  expect(2, "teacher has 5 rows, student has 3", alone + " --teacher @narrow.npy");
  expect(2, "--gradient: 5 x 3, --student is 3 x 5", kl + " --gradient @narrow.npy");
  expect(2, "labels[1] is 5", "--objective cross_entropy --student @s.npy --labels @bad_y.npy");
  expect(2, "teacher is empty", "--objective kl --student @s.npy");
  expect(2, "temperature is -1", "--temperature -1 --student @s.npy --teacher @t.npy");
  expect(2, "--temperature: 'warm' is not a number", "--temperature warm --student @s.npy");
  expect(2, "--beta: kl has no such parameter; it has: temperature, scaling", kl + " --beta 1");
  expect(2, "--form: there is no round; known: literal, normalised, swapped",
         "--objective jensen_shannon --form round --student @s.npy");
  expect(2, "--reduction: there is no median", kl + " --reduction median");
  expect(2, "--stored", "--objective top_k_kl --student @s.npy --teacher @t.npy");
  expect(2, "--threshold", kl + " --threshold -1");
  expect(2, "--student", "--objective kl");
  expect(2, "--nonsense", kl + " --nonsense 1");
  if (failures == 0) std::printf("every question answered\n");
  return failures == 0 ? 0 : 1;
}
