#include "comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <distill/io/atomic_file.hpp>
#include <distill/io/csv.hpp>
#include <distill/train/picture.hpp>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "statistics.hpp"
#include "table.hpp"

namespace example {
namespace {

using nlohmann::json;

/// What is known so far: {"setting": …, "students": {"pld": [{…}, …], …}, "tasks": {"leaf": [[outcome, …], …], …}}.
class record {
 public:
  record(std::filesystem::path file, const json& setting) : file_(std::move(file)) {
    if (!std::filesystem::exists(file_)) {
      known_ = {{"setting", setting}, {"students", json::object()}, {"tasks", json::object()}};
      return;
    }
    std::ifstream in(file_);
    if (!in) throw std::runtime_error(file_.string() + ": cannot be read");
    known_ = json::parse(in, nullptr, false);
    if (!is_comparison(known_))
      throw std::runtime_error(file_.string() + ": is no comparison; remove it, or choose another --output");
    if (known_["setting"] != setting)
      throw std::runtime_error(file_.string() + ": is a comparison with " + known_["setting"].dump() + ", not with " +
                               setting.dump() + "; remove it, or choose another --output");
  }

  /// Entry `number` of known[kind][name], made if it is not there; saved at once.
  template <class Make>
  const json& entry(const char* kind, const std::string& name, int number, const Make& make) {
    json& all = known_[kind][name];
    const auto at = static_cast<std::size_t>(number);
    if (all.size() <= at) {  // in order: nothing is skipped
      all.push_back(make());
      distill::atomic_file out(file_);
      out.write(known_.dump(1));
      out.commit();
    }
    return all[at];
  }
  bool has(const char* kind, const std::string& name, int number) const {
    return known_[kind].contains(name) && known_[kind][name].size() > static_cast<std::size_t>(number);
  }

 private:
  /// Whatever else a file may hold: what is read of it is there, and every run of a task has the same outcomes.
  static bool is_comparison(const json& file) {
    const auto object = [](const json& in, const char* name) { return in.contains(name) && in[name].is_object(); };
    if (!file.is_object() || !file.contains("setting") || !object(file, "students") || !object(file, "tasks"))
      return false;
    for (const json& runs : file["students"]) {
      if (!runs.is_array()) return false;
      for (const json& run : runs)
        for (const char* name : {"accuracy", "nll", "ece", "agreement", "fidelity", "seconds_per_epoch"})
          if (!run.is_object() || !run.contains(name) || !(run[name].is_number() || run[name].is_null())) return false;
    }
    for (const json& runs : file["tasks"]) {
      if (!runs.is_array()) return false;
      for (const json& run : runs) {
        if (!run.is_array() || run.size() != runs[0].size()) return false;
        for (const json& outcome : run) {
          if (!outcome.is_object() || !outcome.contains("variant") || !outcome["variant"].is_string() ||
              !outcome.contains("measures") || !outcome["measures"].is_array())
            return false;
          for (const json& measure : outcome["measures"])
            if (!measure.is_object() || !measure.contains("name") || !measure["name"].is_string() ||
                !measure.contains("value"))
              return false;
        }
      }
    }
    return true;
  }

  std::filesystem::path file_;
  json known_;
};

/// What is no number was written as null.
double number(const json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::vector<double> column(const std::vector<json>& rows, const char* name, double factor = 1) {
  std::vector<double> values;
  for (const json& row : rows) values.push_back(factor * number(row.at(name)));
  return values;
}

struct classifier_row {
  std::string title;
  std::vector<json> runs;
};

void print_methods(const std::vector<classifier_row>& rows) {
  table shown({"method", "accuracy %", "NLL", "ECE %", "agreement %", "s/epoch", "gain over plain"});
  const std::vector<double> plain = column(rows[0].runs, "accuracy", 100);
  for (const classifier_row& row : rows) {
    const std::vector<double> accuracy = column(row.runs, "accuracy", 100);
    std::vector<double> gains;
    for (std::size_t i = 0; i < accuracy.size(); ++i) gains.push_back(accuracy[i] - plain[i]);
    const estimate gain(gains);
    std::string gained = &row == &rows[0] ? "" : gain.text("%.2f");
    if (!gained.empty() && gain.error > 0) {
      char errors[32];
      std::snprintf(errors, sizeof errors, ", %.1f SE", gain.mean / gain.error);
      gained += errors;
    }
    shown.add({row.title, estimate(accuracy).text("%.2f"), estimate(column(row.runs, "nll")).text("%.4f"),
               estimate(column(row.runs, "ece", 100)).text("%.2f"),
               estimate(column(row.runs, "agreement", 100)).text("%.2f"),
               estimate(column(row.runs, "seconds_per_epoch")).text("%.2f"), gained});
  }
  shown.print();
  std::printf("agreement: same class as the teacher; mean ± standard error; SE: standard errors of the paired gain\n");
}

/// One line a variant and one column a measure, or the other way round where there are many measures.
void print_task(const known_task& task, const std::vector<json>& runs) {
  std::vector<std::string> variants, measures;
  for (const json& outcome : runs[0]) {
    variants.push_back(outcome["variant"]);
    for (const json& measure : outcome["measures"])
      if (const std::string name = measure["name"]; std::find(measures.begin(), measures.end(), name) == measures.end())
        measures.push_back(name);
  }
  const auto cell = [&](std::size_t variant, const std::string& name) {
    std::vector<double> values;
    for (const json& run : runs)
      for (const json& measure : run[variant]["measures"])
        if (measure["name"] == name) values.push_back(number(measure["value"]));
    return values.empty() ? "" : estimate(values).text(std::abs(estimate(values).mean) < 10 ? "%.3f" : "%.2f");
  };
  const bool measures_down = measures.size() > 8;
  const std::vector<std::string>&across = measures_down ? variants : measures,
        down = measures_down ? measures : variants;
  std::vector<std::string> head{std::string(task.info.title)};
  head.insert(head.end(), across.begin(), across.end());
  table shown(head);
  for (std::size_t d = 0; d < down.size(); ++d) {
    std::vector<std::string> cells{down[d]};
    for (std::size_t a = 0; a < across.size(); ++a)
      cells.push_back(measures_down ? cell(a, down[d]) : cell(d, across[a]));
    shown.add(cells);
  }
  shown.print();
}

/// The accuracies side by side.
bool draw(const std::filesystem::path& folder, const std::vector<classifier_row>& rows) {
  std::vector<double> values;
  std::string names;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const estimate e(column(rows[i].runs, "accuracy", 100));
    values.insert(values.end(), {static_cast<double>(i), e.mean, e.error});
    names += (i ? ", " : "") + distill::train::gnuplot_string(rows[i].title) + " " + std::to_string(i);
  }
  const std::filesystem::path file = folder / "methods.csv";
  distill::write_csv(file, {values.data(), std::ssize(rows), 3}, {"method", "accuracy", "error"});
  return distill::train::draw_picture(
      folder / "methods.png",
      "set datafile separator ','\nset title 'Students of few labels, by method'\nset ylabel 'test accuracy, %'\n"
      "set xrange [-0.7:" +
          std::to_string(rows.size()) + "-0.3]\nset bmargin 8\nset xtics rotate by 40 right (" + names +
          ")\nset key off\nplot " + distill::train::gnuplot_string(file) +
          " skip 1 using 1:2:3 with yerrorbars ls 2 pt 7\n");
}

}  // namespace

void compare(const comparison_settings& s, const std::vector<const known_method*>& methods,
             const std::vector<const known_task*>& tasks) {
  const classroom_settings& r = s.room;
  record known(s.output / "comparison.json", {{"teacher", r.teacher},
                                              {"student", r.student},
                                              {"epochs", r.epochs},
                                              {"labelled", r.labelled},
                                              {"seed", r.seed},
                                              {"data", r.data}});
  std::vector<std::pair<std::string, teaching>> ways{{"plain", {}}};
  std::vector<classifier_row> rows{{"plain", {}}};
  for (const known_method* m : methods) {
    ways.push_back({std::string(m->info.name), m->teaching_at({})});
    rows.push_back({std::string(m->info.title), {}});
  }
  int missing = 0;
  for (const auto& way : ways)
    for (int i = 0; i < s.students; ++i) missing += !known.has("students", way.first, i);

  std::optional<classroom> room;
  std::optional<progress> bar;
  if (!methods.empty()) {
    if (missing > 0) {
      room.emplace(r);
      bar.emplace(room->teacher_work() + missing * room->student_work());
      room->raise_teacher(*bar);
    }
    for (int i = 0; i < s.students; ++i)  // a pair of a seed together: an interrupted comparison is a smaller one
      for (std::size_t w = 0; w < ways.size(); ++w)
        rows[w].runs.push_back(known.entry("students", ways[w].first, i, [&]() -> json {
          bar->phase(rows[w].title + " " + std::to_string(i + 1) + "/" + std::to_string(s.students));
          const graduate g = room->teach(i, ways[w].second, *bar);
          return {{"accuracy", g.result.accuracy}, {"nll", g.result.nll},
                  {"ece", g.result.ece},           {"agreement", g.result.agreement},
                  {"fidelity", g.result.fidelity}, {"seconds_per_epoch", g.seconds_per_epoch}};
        }));
    if (bar) bar->clear();
    std::printf("\n%s → %s, %lld labels\n\n", r.teacher.c_str(), r.student.c_str(), static_cast<long long>(r.labelled));
    print_methods(rows);
    std::printf("\nwritten: %s\n", (s.output / "comparison.json").c_str());
    if (draw(s.output, rows)) std::printf("written: %s\n", (s.output / "methods.png").c_str());
    std::fflush(stdout);
  }

  for (const known_task* task : tasks) {
    const std::string name(task->info.name);
    std::vector<json> runs;
    for (int i = 0; i < s.students; ++i)
      runs.push_back(known.entry("tasks", name, i, [&] {
        std::fprintf(stderr, "%s %d/%d\n", name.c_str(), i + 1, s.students);
        json outcomes = json::array();
        for (const outcome& o :
             task->run({.seed = r.seed * 100 + static_cast<std::uint64_t>(i), .threads = r.threads, .data = r.data})) {
          json measures = json::array();
          for (const measure& m : o.measures) measures.push_back({{"name", m.name}, {"value", m.value}});
          outcomes.push_back({{"variant", o.variant}, {"measures", measures}, {"seconds", o.seconds}});
        }
        return outcomes;
      }));
    std::printf("\n");
    print_task(*task, runs);
    std::fflush(stdout);
  }
}

}  // namespace example
