// Numbers that are followed during training.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <istream>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"
#include "../io/csv.hpp"
#include "../state/detail/state_file.hpp"
#include "picture.hpp"

DISTILL_NAMESPACE_BEGIN
namespace train {

/// Rows of numbers under names; the first is what the others are drawn over.
///
///     train::curves curves({"epoch", "loss", "accuracy"});
///     curves.add({1, 0.7, 0.81});
///     curves.save("run.csv");
///     curves.draw("run.png", "accuracy");
class curves {
 public:
  /// @throws argument_error  fewer than two names
  explicit curves(std::vector<std::string> names) : names_(std::move(names)) {
    if (names_.size() < 2) fail("curves: ", names_.size(), " names given, at least 2 expected");
  }
  /// What save() wrote into a file. @throws file_error
  static curves load(const std::filesystem::path& file) {
    csv_table table = read_csv(file);
    if (table.columns < 2) distill::detail::fail_file(file, table.columns, " columns, at least 2 expected");
    curves result(std::move(table.names));
    result.values_ = std::move(table.values);
    return result;
  }

  const std::vector<std::string>& names() const { return names_; }
  /// rows × names
  matrix_view<const double> values() const {
    const auto columns = std::ssize(names_);
    return {values_.data(), std::ssize(values_) / columns, columns};
  }
  /// @throws argument_error  another number of values than of names
  void add(std::initializer_list<double> row) {
    if (row.size() != names_.size()) fail("curves: ", row.size(), " values given, ", names_.size(), " expected");
    values_.insert(values_.end(), row);
  }

  /// Writes a CSV file. @throws file_error
  void save(const std::filesystem::path& file) const { write_csv(file, values(), names_); }
  /// For checkpoints: the rows, under these names.
  void save(std::ostream& out) const {
    distill::detail::state_writer to(out, state_name, sizeof(double));
    to.integer(values().columns);
    to.integer(values().rows);
    to.numbers(values_);
    to.finish();
  }
  /// @throws file_error  no saved curves, or of another number of columns; the rows are the old ones then
  void load(std::istream& in) {
    distill::detail::state_reader from(in, state_name, sizeof(double));
    const index columns = from.integer("columns", std::ssize(names_), std::ssize(names_));
    values_ = from.numbers<double>(from.integer("rows", 0, distill::detail::largest_extent), columns);
  }

  /// Draws one of the columns as a PNG. False where gnuplot is missing.
  /// @throws argument_error  there is no such column; @throws file_error  the folder does not take files
  bool draw(const std::filesystem::path& file, const std::string& column, const std::string& title = {}) const {
    std::size_t of = 0;
    while (of < names_.size() && names_[of] != column) ++of;
    if (of == names_.size()) fail("curves: there is no column ", column);
    std::string script = "set title " + gnuplot_string(title) + "\nset xlabel " + gnuplot_string(names_[0]) +
                         "\nset ylabel " + gnuplot_string(column) + "\n$values << END\n";
    const matrix_view<const double> table = values();
    for (index r = 0; r < table.rows; ++r)
      script +=
          distill::detail::text(table(r, 0)) + " " + distill::detail::text(table(r, static_cast<index>(of))) + "\n";
    return draw_picture(file, script + "END\nplot $values with linespoints ls 3 notitle\n");
  }

 private:
  static constexpr const char* state_name = "curves";
  std::vector<std::string> names_;
  std::vector<double> values_;
};

}  // namespace train
DISTILL_NAMESPACE_END
