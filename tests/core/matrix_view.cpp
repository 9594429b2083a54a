// How matrices of every storage order become views, without a copy.
#include <doctest/doctest.h>

#include <Eigen/Core>

#include <array>
#include <cstdint>
#include <vector>

#include <distill/core/matrix_view.hpp>

namespace {

using distill::index_view;
using distill::matrix_view;

/// Entry (r, c) of the view is 10 r + c + base.
template <class View>
void check_numbered(const View& view, int rows, int columns, int base = 0) {
  REQUIRE(view.rows == rows);
  REQUIRE(view.columns == columns);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) {
      CHECK(view(r, c) == static_cast<float>(10 * r + c + base));
      CHECK(&view(r, c) == view.row(r) + c * view.column_stride);
    }
}

template <class Matrix>
Matrix numbered(int rows, int columns) {
  Matrix m(rows, columns);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) m(r, c) = static_cast<float>(10 * r + c);
  return m;
}

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using column_major = Eigen::MatrixXf;

}  // namespace

TEST_CASE_TEMPLATE("Eigen matrices, blocks and maps", Matrix, row_major, column_major) {
  Matrix m = numbered<Matrix>(4, 5);
  const Matrix& constant = m;
  check_numbered(matrix_view<float>(m), 4, 5);
  check_numbered(matrix_view<const float>(m), 4, 5);
  check_numbered(matrix_view<const float>(constant), 4, 5);
  check_numbered(matrix_view<float>(m.block(1, 2, 2, 3)), 2, 3, 12);
  check_numbered(matrix_view<const float>(constant.block(1, 2, 2, 3)), 2, 3, 12);
  check_numbered(matrix_view<float>(m.row(2)), 1, 5, 20);
  check_numbered(matrix_view<float>(m.middleRows(1, 2)), 2, 5, 10);
  Eigen::Map<Matrix> map(m.data(), 4, 5);
  check_numbered(matrix_view<float>(map), 4, 5);
  Eigen::Map<const Matrix> constant_map(m.data(), 4, 5);
  check_numbered(matrix_view<const float>(constant_map), 4, 5);
  CHECK(matrix_view<float>(m).data == m.data());
}

TEST_CASE_TEMPLATE("Eigen maps with strides of their own", Matrix, row_major, column_major) {
  Matrix wide = numbered<Matrix>(6, 6);
  using stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  Eigen::Map<Matrix, 0, stride> every_second(wide.data(), 3, 3, stride(12, 2));
  const matrix_view<float> view(every_second);
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 3; ++c) CHECK(view(r, c) == wide(2 * r, 2 * c));
}

TEST_CASE("a column-major matrix has row stride 1") {
  column_major m(3, 7);
  const matrix_view<float> view(m);
  CHECK(view.row_stride == 1);
  CHECK(view.column_stride == 3);
  const matrix_view<float> turned(m.transpose());
  CHECK(turned.rows == 7);
  CHECK(turned.row_stride == 3);
  CHECK(turned.column_stride == 1);
}

TEST_CASE("what must not convert does not") {
  static_assert(!std::is_convertible_v<const column_major&, matrix_view<float>>);
  static_assert(!std::is_convertible_v<matrix_view<const float>, matrix_view<float>>);
  static_assert(!std::is_convertible_v<Eigen::MatrixXd&, matrix_view<float>>);
  static_assert(std::is_convertible_v<matrix_view<float>, matrix_view<const float>>);
}

TEST_CASE("strides may be negative or 0") {
  const float data[] = {0, 1, 2, 3, 4, 5};
  const matrix_view<const float> upside_down(data + 3, 2, 3, -3, 1), repeated(data, 4, 3, 0);
  CHECK(upside_down(0, 0) == 3);
  CHECK(upside_down(1, 2) == 2);
  CHECK(repeated(3, 2) == 2);
}

TEST_CASE("a view is empty when it points nowhere") {
  CHECK_FALSE(matrix_view<float>());
  float x = 0;
  CHECK(matrix_view<float>(&x, 1, 1));
  CHECK_FALSE(index_view());
}

TEST_CASE_TEMPLATE("labels of any integer width", I, std::uint8_t, std::int8_t, std::int32_t, std::uint32_t,
                   std::int64_t) {
  const std::vector<I> labels{0, 1, 7, 100};
  const std::array<I, 4> array{0, 1, 7, 100};
  for (const index_view& view : {index_view(labels), index_view(array), index_view(labels.data(), 4)}) {
    REQUIRE(view.size() == 4);
    CHECK(view[0] == 0);
    CHECK(view[2] == 7);
    CHECK(view[3] == 100);
  }
}

TEST_CASE("labels keep their sign, bytes have none") {
  const std::vector<std::int64_t> ignored{-100};
  const std::vector<std::uint8_t> large{200};
  CHECK(index_view(ignored)[0] == -100);
  CHECK(index_view(large)[0] == 200);
  const Eigen::VectorXi of_eigen = Eigen::VectorXi::Constant(3, -7);
  CHECK(index_view(of_eigen)[2] == -7);
}
