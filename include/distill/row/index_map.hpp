// Ids that choose some of a matrix's rows or columns.
#pragma once

#include <string_view>
#include <vector>

#include "../config.hpp"
#include "../core/error.hpp"
#include "../core/matrix_view.hpp"

DISTILL_NAMESPACE_BEGIN

/// A one-to-one choice of `ids.size()` out of `size` rows or columns: entry i is ids[i]. Made once, used in many calls;
/// it owns its numbers. `name` is how errors call the ids.
/// @throws argument_error  an id outside [0, size), or the same id twice
class index_map {
 public:
  index_map(const index_view& ids, index size, std::string_view name = "ids") : size_(size) {
    if (size < 0) fail("size of ", std::string(name), " is ", size, ", must not be negative");
    std::vector<index> place(static_cast<std::size_t>(size), -1);
    ids_.reserve(static_cast<std::size_t>(ids.size()));
    for (index i = 0; i < ids.size(); ++i) {
      const index id = ids[i];
      if (id < 0 || id >= size) fail(std::string(name), "[", i, "] is ", id, ", must lie in [0, ", size, ")");
      index& taken = place[static_cast<std::size_t>(id)];
      if (taken >= 0) fail(std::string(name), "[", i, "] is ", id, ", and so is ", std::string(name), "[", taken, "]");
      taken = i;
      ids_.push_back(id);
    }
    for (index id = 0; id < size; ++id)
      if (place[static_cast<std::size_t>(id)] < 0) others_.push_back(id);
  }

  /// How many are chosen, and out of how many.
  index count() const { return static_cast<index>(ids_.size()); }
  index size() const { return size_; }
  index operator[](index i) const { return ids_[static_cast<std::size_t>(i)]; }
  /// Those that are not chosen, ascending.
  const std::vector<index>& others() const { return others_; }

 private:
  index size_;
  std::vector<index> ids_, others_;
};

DISTILL_NAMESPACE_END
