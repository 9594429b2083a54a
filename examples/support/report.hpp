// What the main job shows: a table on the terminal, two pictures and the numbers behind them.
#pragma once

#include <cstdio>
#include <distill/io/csv.hpp>
#include <distill/metric/calibration.hpp>
#include <distill/train/picture.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "statistics.hpp"
#include "training.hpp"

namespace example {

using distill::train::draw_picture;
using distill::train::gnuplot_string;

/// One network's results, over seeds where there are several.
struct network_results {
  std::string name, id;  // for people, and for columns of files
  std::vector<scores> runs{};
  std::vector<std::vector<curve_point>> curves{};
  std::vector<distill::calibration_report> reliability{};

  template <class Member>
  estimate of(Member member, double factor = 1) const {
    std::vector<double> values;
    for (const scores& s : runs) values.push_back(factor * s.*member);
    return estimate(values);
  }
};

inline void print_table(const std::vector<network_results>& networks) {
  const auto cell = [](const std::string& text, std::size_t width) {
    std::size_t shown = 0;  // ± is two bytes and one column
    for (const char c : text) shown += (c & 0xC0) != 0x80;
    return text + std::string(shown < width ? width - shown : 0, ' ');
  };
  std::printf("\n%s%s%s%s%s%s\n", cell("", 11).c_str(), cell("accuracy %", 15).c_str(), cell("NLL", 17).c_str(),
              cell("ECE %", 14).c_str(), cell("agreement %", 15).c_str(), "fidelity");
  for (const network_results& n : networks)
    std::printf(
        "%s%s%s%s%s%s\n", cell(n.name, 11).c_str(), cell(n.of(&scores::accuracy, 100).text("%.2f"), 15).c_str(),
        cell(n.of(&scores::nll).text("%.4f"), 17).c_str(), cell(n.of(&scores::ece, 100).text("%.2f"), 14).c_str(),
        cell(n.of(&scores::agreement, 100).text("%.2f"), 15).c_str(), n.of(&scores::fidelity).text("%.4f").c_str());
  std::printf(
      "agreement: same class as the teacher; fidelity: KL(teacher || student) in nats; mean ± standard error\n");
}

namespace detail {

inline void write_curves(const std::filesystem::path& file, const std::vector<network_results>& students) {
  std::vector<std::string> names{"step"};
  for (const network_results& s : students) names.insert(names.end(), {s.id + "_accuracy", s.id + "_error"});
  std::vector<double> values;
  const std::vector<curve_point>& points = students[0].curves[0];
  for (std::size_t p = 0; p < points.size(); ++p) {
    values.push_back(static_cast<double>(points[p].step));
    for (const network_results& s : students) {
      std::vector<double> accuracies;
      for (const auto& curve : s.curves) accuracies.push_back(100 * curve[p].accuracy);
      const estimate e(accuracies);
      values.insert(values.end(), {e.mean, e.error});
    }
  }
  distill::write_csv(file, {values.data(), std::ssize(points), std::ssize(names)}, names);
}

/// Bins of all seeds together; empty bins are left out.
inline void write_reliability(const std::filesystem::path& file, const network_results& network) {
  std::vector<double> values;
  for (std::size_t b = 0; b < network.reliability[0].bins.size(); ++b) {
    double count = 0, confidence = 0, accuracy = 0;
    for (const auto& report : network.reliability) {
      const auto& bin = report.bins[b];
      const double n = static_cast<double>(bin.count);
      count += n;
      confidence += n * bin.confidence;
      accuracy += n * bin.accuracy;
    }
    if (count > 0) values.insert(values.end(), {confidence / count, accuracy / count, count});
  }
  distill::write_csv(file, {values.data(), std::ssize(values) / 3, 3}, {"confidence", "accuracy", "images"});
}

}  // namespace detail

/// Writes curves.csv, reliability_*.csv, curves.png, reliability.png into `folder`; returns the files that are there.
/// networks[0] is the teacher.
inline std::vector<std::filesystem::path> write_report(const std::filesystem::path& folder,
                                                       const std::vector<network_results>& networks,
                                                       const std::string& title) {
  std::vector<std::filesystem::path> files{folder / "curves.csv"};
  const std::vector<network_results> students(networks.begin() + 1, networks.end());
  detail::write_curves(files[0], students);
  for (const network_results& n : networks) {
    files.push_back(folder / ("reliability_" + n.id + ".csv"));
    detail::write_reliability(files.back(), n);
  }
  const std::string teacher = std::to_string(100 * networks[0].runs[0].accuracy), curves = gnuplot_string(files[0]);
  std::string plot = "set datafile separator ','\nset title " + gnuplot_string(title) +
                     "\nset xlabel 'step'\nset ylabel 'test accuracy, %'\nset key bottom right\nplot " + teacher +
                     " ls 1 dt 2 title 'teacher'";
  for (std::size_t s = 0; s < students.size(); ++s) {
    const std::string column = std::to_string(2 * s + 2), error = std::to_string(2 * s + 3),
                      style = std::to_string(s + 2);
    plot += ", " + curves + " skip 1 using 1:" + column + ":" + error + " with yerrorbars ls " + style + " notitle, " +
            curves + " skip 1 using 1:" + column + " with lines ls " + style + " title '" + students[s].name + "'";
  }
  if (draw_picture(folder / "curves.png", plot + "\n")) files.push_back(folder / "curves.png");

  // A bin of a handful of images says nothing about accuracy: it is in the file, not in the picture.
  plot =
      "set datafile separator ','\nset title 'Reliability on the test images: is it right as often as it is sure?'\n"
      "set xlabel 'confidence'\nset ylabel 'accuracy'\nset xrange [0:1]\nset yrange [0:1]\nset size square\n"
      "set key bottom right\nplot x with lines lc rgb '#999999' dt 2 title 'calibrated'";
  for (std::size_t n = 0; n < networks.size(); ++n)
    plot += ", " + gnuplot_string(files[n + 1]) + " skip 1 using 1:($3 < 10 ? 1/0 : $2) with linespoints ls " +
            std::to_string(n + 1) + " title '" + networks[n].name + "'";
  if (draw_picture(folder / "reliability.png", plot + "\n")) files.push_back(folder / "reliability.png");
  return files;
}

}  // namespace example
