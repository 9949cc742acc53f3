#include "engine/data/batch_order.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

using namespace heat;
using namespace heat::test;

namespace {

std::vector<uint32_t> batch(BatchSampler& sampler, uint64_t index) {
    const std::span<const uint32_t> items = sampler.indices(index);
    return {items.begin(), items.end()};
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("batch order: the order that an independent implementation gives") {
        // Printed by tests/golden/make_io.py.
        CHECK(epoch_order(0x0123456789ABCDEF, (uint64_t{1} << 32) + 5, 16) ==
              std::vector<uint32_t>{2, 10, 15, 7, 14, 3, 11, 13, 5, 6, 1, 12, 4, 0, 8, 9});
    }

    TEST_CASE("batch order: a permutation that depends on seed and epoch") {
        for (const uint32_t count : {1u, 2u, 7u, 1000u, 60000u}) {
            std::vector<uint32_t> order = epoch_order(3, 4, count);
            CHECK(order == epoch_order(3, 4, count));
            if (count >= 1000) {
                CHECK(order != epoch_order(4, 4, count));
                CHECK(order != epoch_order(3, 5, count));
                CHECK(order != epoch_order(3 + (uint64_t{1} << 32), 4, count));
                CHECK(order != epoch_order(3, 4 + (uint64_t{1} << 32), count));
            }
            std::sort(order.begin(), order.end());
            std::vector<uint32_t> every(count);
            std::iota(every.begin(), every.end(), 0u);
            CHECK(order == every);
        }
        CHECK(epoch_order(3, 4, 0).empty());
    }

    TEST_CASE("batch order: all permutations are equally likely") {
        std::map<std::vector<uint32_t>, int> seen;
        constexpr int epochs = 24'000;
        for (uint64_t epoch = 0; epoch < epochs; ++epoch) ++seen[epoch_order(11, epoch, 4)];
        REQUIRE(seen.size() == 24);
        double chi_square = 0;
        for (const auto& [order, times] : seen) chi_square += (times - 1000.0) * (times - 1000.0) / 1000.0;
        CHECK(chi_square < 49.7); // 23 degrees of freedom, one in a thousand
        CHECK(chi_square > 6.0);  // and not suspiciously even
    }

    TEST_CASE("batch sampler: batches walk through the order of each epoch") {
        BatchSampler sampler(5, 10, 4);
        CHECK(sampler.batch_size() == 4);
        CHECK(sampler.batches_per_epoch() == 2);
        CHECK(sampler.epoch_of(5) == 2);
        for (const uint64_t index : {0, 1, 2, 3, 9, 2, 0}) { // back and forth
            const std::vector<uint32_t> order = epoch_order(5, index / 2, 10);
            const auto begin = order.begin() + static_cast<std::ptrdiff_t>(index % 2 * 4);
            CHECK(batch(sampler, index) == std::vector<uint32_t>(begin, begin + 4));
        }
        BatchSampler fresh(5, 10, 4); // a resumed run begins anywhere
        CHECK(batch(fresh, 1'000'001) == batch(sampler, 1'000'001));
    }

    TEST_CASE("batch sampler: batches of one epoch do not share items") {
        BatchSampler sampler(1, 103, 10);
        std::vector<uint32_t> items;
        for (uint64_t index = 20; index < 30; ++index)
            for (const uint32_t item : batch(sampler, index)) items.push_back(item);
        CHECK(items.size() == 100);
        std::sort(items.begin(), items.end());
        CHECK(std::adjacent_find(items.begin(), items.end()) == items.end());
        CHECK(items.back() < 103);
    }

    TEST_CASE("batch sampler: a data set smaller than the batch is one batch an epoch") {
        BatchSampler sampler(1, 3, 128);
        CHECK(sampler.batch_size() == 3);
        CHECK(sampler.batches_per_epoch() == 1);
        CHECK(batch(sampler, 0) == epoch_order(1, 0, 3));
        CHECK(batch(sampler, 7) == epoch_order(1, 7, 3));
    }

    TEST_CASE("batch sampler: no items is refused") {
        CHECK(contains(error_of([] { BatchSampler sampler(1, 0, 4); }), "got 0 and 4"));
        CHECK(contains(error_of([] { BatchSampler sampler(1, 4, 0); }), "got 4 and 0"));
    }

} // TEST_SUITE
