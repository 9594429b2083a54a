// The main job: a teacher learns Fashion-MNIST from all labels; a small student learns from 1 000 of them, once alone
// and once with the teacher's help on the 59 000 unlabelled images. Everything else is equal: steps, batch, schedule,
// rate. By any objective, by any published method, or by all of them in turn.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "support/classroom.hpp"
#include "support/command_line.hpp"
#include "support/comparison.hpp"
#include "support/methods.hpp"
#include "support/names.hpp"
#include "support/objectives.hpp"
#include "support/report.hpp"
#include "tasks/architecture_search.hpp"
#include "tasks/grammar.hpp"
#include "tasks/relevance.hpp"
#include "tasks/retrieval.hpp"

namespace {

using namespace example;

struct settings {
  classroom_settings room;
  std::string objective = "kl", method, output = "out";
  std::vector<std::string> compare;
  std::optional<double> temperature;
  int students = 5;
  bool full_labels = false, list = false;
};

const std::vector<known_task>& tasks() {
  static const std::vector<known_task> all{retrieval(), relevance(), grammar(), architecture_search()};
  return all;
}

/// Of classifiers' methods and of tasks.
std::vector<distill::recipe_info> everything() {
  std::vector<distill::recipe_info> all;
  for (const known_method& m : methods()) all.push_back(m.info);
  for (const known_task& t : tasks()) all.push_back(t.info);
  return all;
}
template <class All>
auto find(const All& all, std::string_view name) -> decltype(&all[0]) {
  for (const auto& known : all)
    if (known.info.name == name) return &known;
  return nullptr;
}

void print_list() {
  table shown({"--method", "", "idea", "after", "source"});
  for (const distill::recipe_info& i : everything()) {
    const char* after = i.how == distill::closeness::code    ? "code"
                        : i.how == distill::closeness::paper ? "paper"
                                                             : "reconstructed";
    shown.add({std::string(i.name), std::string(i.title), std::string(i.idea), after, std::string(i.source)});
  }
  shown.print();
}

/// All, or those with these names.
void compare_all(const settings& s) {
  std::vector<const known_method*> chosen;
  std::vector<const known_task*> chosen_tasks;
  const auto wanted = [&](const distill::recipe_info& info) {
    return s.compare[0] == "all" || std::find(s.compare.begin(), s.compare.end(), info.name) != s.compare.end();
  };
  for (const known_method& m : methods())
    if (wanted(m.info)) chosen.push_back(&m);
  for (const known_task& t : tasks())
    if (wanted(t.info)) chosen_tasks.push_back(&t);
  check_output(std::filesystem::path(s.output) / "comparison.json");
  compare({s.room, s.students, s.output}, chosen, chosen_tasks);
}

/// The chosen method, or 0.9 · the objective + 0.1 · cross-entropy.
teaching chosen_teaching(const settings& s) {
  if (s.method.empty()) return objective_called(s.objective, s.temperature.value_or(2));
  const known_method& method = *find(methods(), s.method);
  if (s.temperature && !method.has_temperature) {
    std::string others;
    for (const known_method& m : methods())
      if (m.has_temperature) others += (others.empty() ? "" : ", ") + std::string(m.info.name);
    throw std::invalid_argument("--temperature: " + s.method + " has none; those that have: " + others);
  }
  return method.teaching_at(s.temperature);
}

void print_gain(const network_results& plain, const network_results& distilled) {
  std::vector<double> gains;
  for (std::size_t i = 0; i < plain.runs.size(); ++i)
    gains.push_back(100 * (distilled.runs[i].accuracy - plain.runs[i].accuracy));
  const estimate gain(gains);
  std::printf("\ndistillation gains %s points of accuracy", gain.text("%.2f").c_str());
  if (gain.count > 1 && gain.error > 0)
    std::printf(", %.1f standard errors, over %zu paired seeds", gain.mean / gain.error, gain.count);
  std::printf("\n");
}

int main_job(const settings& s) {
  const teaching how = chosen_teaching(s);
  classroom room(s.room);
  check_output(std::filesystem::path(s.output) / "curves.csv");
  progress bar(room.teacher_work() + 2 * s.students * room.student_work());
  network_results teacher{.name = "teacher", .id = "teacher"}, plain{.name = "plain", .id = "plain"},
      distilled{.name = "distilled", .id = "distilled"};
  teacher.add(room.raise_teacher(bar));
  for (int student = 0; student < s.students; ++student) {
    const std::string number = "student " + std::to_string(student + 1) + "/" + std::to_string(s.students);
    bar.phase(number + " plain");
    plain.add(room.teach(student, {}, bar));
    bar.phase(number + " distilled");
    distilled.add(room.teach(student, how, bar));
  }
  bar.clear();
  print_table({teacher, plain, distilled});
  print_gain(plain, distilled);
  if (s.full_labels)
    std::printf("with every image labelled the teacher has little to add: plain training often wins\n");
  const std::string by = s.method.empty() ? s.objective : std::string(find(methods(), s.method)->info.title);
  std::printf("\n%.0f s; written:", bar.seconds());
  bool pictures = false;
  for (const auto& file :
       write_report(s.output, {teacher, plain, distilled},
                    "Student on " + std::to_string(s.room.labelled) + " labels: alone, and distilled with " + by)) {
    std::printf(" %s", file.string().c_str());
    pictures = pictures || file.extension() == ".png";
  }
  std::printf("\n%s", pictures ? "" : "no pictures: gnuplot is missing or failed\n");
  return 0;
}

settings read_settings(int argc, char** argv) {
  settings s;
  CLI::App app("Distils a small student from a teacher on Fashion-MNIST, where 1 000 images are labelled");
  app.add_flag("--list", s.list, "the published methods, and nothing else");
  CLI::Option* const objective =
      app.add_option("--objective", s.objective, "the distillation objective; an unknown name lists them")
          ->capture_default_str();
  CLI::Option* const method =
      app.add_option("--method", s.method, "a published method in the objective's place")->excludes(objective);
  CLI::Option* const temperature =
      app.add_option("--temperature", s.temperature, "of the objective (2) or the method (the published one)");
  app.add_option("--compare", s.compare, "all methods, or those with these names: one table; goes on where it was")
      ->delimiter(',')
      ->excludes(objective)
      ->excludes(method)
      ->excludes(temperature);
  app.add_option("--teacher", s.room.teacher, "a network; an unknown name lists them")->capture_default_str();
  app.add_option("--student", s.room.student, "another one, of any kind")->capture_default_str();
  app.add_option("--epochs", s.room.epochs, "a student's passes over 60 000 images; the teacher makes twice as many")
      ->capture_default_str()
      ->check(within(1, 1000));
  app.add_option("--seed", s.room.seed, "of everything random")->capture_default_str()->check(a_seed());
  app.add_option("--students", s.students, "pairs of students, each with a seed of its own")
      ->capture_default_str()
      ->check(within(1, 1000));
  app.add_option("--data", s.room.data, "folder with the four IDX files")->capture_default_str();
  app.add_option("--output", s.output, "folder for pictures and their numbers")->capture_default_str();
  app.add_option("--threads", s.room.threads, "0: every core")->capture_default_str()->check(within(0, 1024));
  app.add_flag("--full-labels", s.full_labels, "students see all 60 000 labels; plain training often wins there");
  parse(app, argc, argv);
  if (s.temperature && !(*s.temperature > 0 && *s.temperature <= 1e6))
    throw std::invalid_argument("--temperature: is " + distill::detail::text(*s.temperature) +
                                ", must be positive and at most 1000000");
  const auto check_name = [](const std::string& name, const char* option) {
    called(everything(), name, option, [](const auto& i) { return i.name; });
  };
  if (method->count() > 0) check_name(s.method, "--method");
  for (const std::string& name : s.compare)
    if (name != "all" || s.compare.size() > 1) check_name(name, "--compare");
  if (find(tasks(), s.method)) {
    if (s.temperature) throw std::invalid_argument("--temperature: " + s.method + " has none");
    s.compare = {s.method};  // it has data and measures of its own
  }
  if (s.full_labels) s.room.labelled = 60000;
  return s;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("distil_fashion_mnist", [&] {
    const settings s = read_settings(argc, argv);
    if (s.list) return print_list(), 0;
    if (!s.compare.empty()) return compare_all(s), 0;
    return main_job(s);
  });
}
