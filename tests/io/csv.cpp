// Tables as text, and files that appear as a whole.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <distill/io/atomic_file.hpp>
#include <distill/io/csv.hpp>

#include "harness/message.hpp"
#include "support.hpp"

namespace io_tests {

using distill::atomic_file;
using distill::csv_options;
using distill::csv_table;
using distill::file_error;
using distill::read_csv;
using distill::write_csv;
namespace fs = std::filesystem;

TEST_CASE("csv: numbers, names, separators, quotes, ends of line") {
  const scratch tmp;
  const csv_table plain = read_csv(tmp.holding("a,b\n1,-2.5\n+3e2, .5 \n"));
  CHECK(plain.names == std::vector<std::string>{"a", "b"});
  CHECK(plain.rows == 2);
  CHECK(plain.columns == 2);
  CHECK(plain.values == std::vector<double>{1, -2.5, 300, 0.5});
  CHECK(plain.matrix()(1, 0) == 300);

  const csv_table bare = read_csv(tmp.holding("\n1;2\r\n\r\n3;4"), {.separator = ';', .header = false});
  CHECK(bare.names.empty());
  CHECK(bare.values == std::vector<double>{1, 2, 3, 4});
  const csv_table quoted = read_csv(tmp.holding("\xef\xbb\xbf\"x, \"\"y\"\"\n\",\"\"\n\"7\",8\n"));
  CHECK(quoted.names == std::vector<std::string>{"x, \"y\"\n", ""});
  CHECK(quoted.values == std::vector<double>{7, 8});
  CHECK(read_csv(tmp.holding("1\t2 \n"), {.separator = '\t', .header = false}).values == std::vector<double>{1, 2});
  CHECK(read_csv(tmp.holding("")).columns == 0);
  const csv_table only_names = read_csv(tmp.holding("a,b,c"));
  CHECK(only_names.columns == 3);
  CHECK(only_names.rows == 0);
  const csv_table gaps = read_csv(tmp.holding("1,\n,\"\"\n"), {.header = false, .missing = -9});
  CHECK(gaps.values == std::vector<double>{1, -9, -9, -9});
  CHECK(std::isnan(read_csv(tmp.holding("nan,inf\n"), {.header = false}).values[0]));
}

TEST_CASE("csv: what is wrong, and where") {
  const scratch tmp;
  const auto refuses = [&](const std::string& content, const std::string& message, const csv_options& options = {}) {
    CAPTURE(content);
    CHECK_THROWS_WITH_AS(read_csv(tmp.holding(content), options),
                         ("distill: " + tmp.path().string() + ": " + message).c_str(), file_error);
  };
  refuses("a,b\n1,x\n", "line 2, column 3: 'x' is no number of the range of double");
  refuses("a,b\n1,2\n3,4 5\n", "line 3, column 3: '4 5' is no number of the range of double");
  refuses("a,b\n1,\n", "line 2, column 3: '' is no number of the range of double");
  refuses("a\n1e999\n", "line 2, column 1: '1e999' is no number of the range of double");
  refuses("a\n+-1\n", "line 2, column 1: '+-1' is no number of the range of double");
  refuses("a,b\n1,2\n1,2,3\n", "line 3 has 3 fields, line 1 has 2");
  refuses("a,b\n\n1\n", "line 3 has 1 fields, line 1 has 2");
  refuses("a,\"b\n1,2\n", "line 1, column 3: the quote is not closed");
  refuses("\"a\"b\n", "line 1, column 4: 'b' after a quoted field, a separator or the end of the line expected");
  refuses("\"a\nb\"\n1\n2,3\n", "line 4 has 2 fields, line 1 has 1");
  CHECK_THROWS_WITH_AS(read_csv("/no/such.csv"), "distill: /no/such.csv: cannot open: No such file or directory",
                       file_error);
  CHECK(harness::message_of([&] { read_csv(tmp.path(), {.separator = '"'}); }) ==
        "distill: read_csv: separator is '\"', neither quote nor end of line expected");
}

TEST_CASE("csv: what is written reads back as the same numbers") {
  const scratch tmp;
  const std::vector<double> values{0.1, -1.0 / 3, 1e-310, std::numeric_limits<double>::max(), 5, -0.0};
  const std::vector<std::string> names{"plain", "with, comma", "with \"quote\""};
  write_csv(tmp.path(), {values.data(), 2, 3}, names);
  const csv_table read = read_csv(tmp.path());
  CHECK(read.names == names);
  CHECK(read.values == values);
  CHECK(tmp.alone());
  write_csv(tmp.path(), {values.data(), 3, 2}, {}, ';');
  CHECK(tmp.content().substr(0, 24) == "0.1;-0.3333333333333333\n");
  CHECK(harness::message_of([&] {
          write_csv(tmp.path(), {values.data(), 3, 2}, names);
        }) == "distill: write_csv: 3 names, 2 columns");
}

TEST_CASE("atomic_file: the old file until commit(), then the new; nothing is left behind") {
  const scratch tmp;
  tmp.holding("old");
  chmod(tmp.path().c_str(), 0640);
  {
    atomic_file file(tmp.path());
    file.write("new");
    CHECK(tmp.content() == "old");
    CHECK_THROWS_WITH_AS(atomic_file(tmp.path()),
                         ("distill: " + tmp.path().string() + ": cannot write: it is being written already").c_str(),
                         file_error);
    file.commit();
    CHECK(tmp.content() == "new");
    CHECK_THROWS_AS(file.write("more"), file_error);
    CHECK_THROWS_AS(file.commit(), file_error);
  }
  struct stat status {};
  REQUIRE(stat(tmp.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  {
    atomic_file abandoned(tmp.path());
    abandoned.write("half");
  }
  CHECK(tmp.content() == "new");
  CHECK(tmp.alone());

  // What a killed process left is overwritten.
  std::ofstream(tmp.path().string() + ".part") << "left by somebody, and longer than what comes";
  atomic_file again(tmp.path());
  again.write("third");
  again.commit();
  CHECK(tmp.content() == "third");
  CHECK(tmp.alone());

  // A link stays a link.
  const fs::path link = tmp.path().parent_path() / "link";
  fs::create_symlink("file", link);
  atomic_file through(link);
  through.write("fourth");
  through.commit();
  CHECK(fs::is_symlink(link));
  CHECK(tmp.content() == "fourth");
  fs::remove(tmp.path());
  atomic_file first(link);  // also one to a file that is not there yet
  first.write("fifth");
  first.commit();
  CHECK(fs::is_symlink(link));
  CHECK(tmp.content() == "fifth");
  const fs::path loop = tmp.path().parent_path() / "loop";
  fs::create_symlink("loop", loop);
  CHECK_THROWS_AS(atomic_file{loop}, file_error);

  CHECK_THROWS_WITH_AS(atomic_file(tmp.path() / "below"),
                       ("distill: " + (tmp.path() / "below").string() + ": cannot write: Not a directory").c_str(),
                       file_error);
  CHECK_THROWS_WITH_AS(atomic_file("/dev/null"), "distill: /dev/null: cannot write: it is there and no regular file",
                       file_error);
  CHECK_THROWS_AS(atomic_file(tmp.path().parent_path()), file_error);
}

}  // namespace io_tests
