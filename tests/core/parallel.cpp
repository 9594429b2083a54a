// Every chunk once, on a thread that exists; the first exception comes out.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <vector>

#include <distill/core/parallel.hpp>

TEST_CASE("parallel_for runs every chunk exactly once") {
  for (const int threads : {1, 2, 3, 4})
    for (const int chunks : {0, 1, 2, 3, 4, 5, 17, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(chunks));
      std::atomic<bool> known_thread = true;
      distill::parallel_for(chunks, threads, [&](distill::index chunk, int thread) {
        ++calls[static_cast<std::size_t>(chunk)];
        if (thread < 0 || thread >= threads) known_thread = false;
      });
      INFO(chunks << " chunks on " << threads << " threads");
      CHECK(known_thread);
      for (const auto& count : calls) CHECK(count == 1);
    }
}

TEST_CASE("parallel_for: no two chunks run at once on the same thread number") {
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> alone = true;
  distill::parallel_for(64, 4, [&](distill::index, int thread) {
    auto& mine = inside[static_cast<std::size_t>(thread)];
    if (mine.fetch_add(1) != 0) alone = false;
    mine.fetch_sub(1);
  });
  CHECK(alone);
}

TEST_CASE("parallel_for hands an exception on, whoever threw it") {
  for (const int threads : {1, 2, 3, 4})
    for (const int thrower : {0, 7, 19}) {
      CAPTURE(threads);
      CAPTURE(thrower);
      CHECK_THROWS_WITH_AS(distill::parallel_for(20, threads,
                                                 [&](distill::index chunk, int) {
                                                   if (chunk == thrower) throw std::runtime_error("from the chunk");
                                                 }),
                           "from the chunk", std::runtime_error);
      // And is none the worse for it.
      std::atomic<int> calls = 0;
      distill::parallel_for(5, threads, [&](distill::index, int) { ++calls; });
      CHECK(calls == 5);
    }
}

TEST_CASE("execution: 0 means every core, anything else itself") {
  CHECK(distill::execution{}.count() == 1);
  CHECK(distill::execution{.threads = 3}.count() == 3);
  CHECK(distill::execution{.threads = 0}.count() >= 1);
}
