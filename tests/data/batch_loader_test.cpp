#include "engine/data/batch_loader.h"
#include "engine/data/for_each_index.h"
#include "kernels/error.h"
#include "kernels/philox.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <set>

using namespace heat;
using namespace heat::test;

namespace {

/// Images that are computed, counted, and bad from one index on.
class MadeUpImages final : public ImageSource {
public:
    MadeUpImages(int count, bool in_memory) : in_memory_(in_memory) { info_.count = count; }

    DecodedImage decode(uint32_t index) const override {
        ++decoded;
        if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        if (index >= bad_from) throw Error("image " + std::to_string(index) + " is bad");
        Image8 image{3, 5, 3, {}};
        for (uint32_t i = 0; i < 45; ++i) image.pixels.push_back(uint8_t(index * 31 + i * 7));
        return {std::move(image), "RGB", 8};
    }
    std::string name(uint32_t) const override { return "made up"; }
    bool in_memory() const override { return in_memory_; }

    uint32_t bad_from = UINT32_MAX;
    bool slow = false;
    mutable std::atomic<int> decoded{0};

private:
    bool in_memory_;
};

struct HostBatch {
    Shape shape;
    std::vector<float> values;
};
HostBatch gathered(const ImageSource& images, std::span<const uint32_t> indices,
                   const BatchOptions& options) {
    HostBatch batch;
    gather_batch(images, indices, options, [&](const Shape& shape) {
        batch.shape = shape;
        batch.values.resize(size_t(shape.count()));
        return batch.values.data();
    });
    return batch;
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("batch: pixels, range and mirroring as computed one by one") {
        const MadeUpImages images(9, true);
        const std::vector<uint32_t> indices{4, 0, 8, 8, 2, 7, 1, 3};
        const BatchOptions options{-1.f, 1.f, true, 0x123456789ull, 6};
        const HostBatch batch = gathered(images, indices, options);
        REQUIRE(batch.shape == Shape{8, 3, 5, 3});
        int mirrored = 0;
        for (uint32_t i = 0; i < 8; ++i) {
            const bool mirror =
                kernels::philox4x32_10(0, i, 6, kernels::purpose_word(kernels::Purpose::augmentation),
                                       0x23456789u, 1u)
                    .v[0] &
                1;
            mirrored += mirror;
            const std::vector<uint8_t> pixels = images.decode(indices[i]).image.pixels;
            for (size_t y = 0; y < 3; ++y)
                for (size_t x = 0; x < 5; ++x)
                    for (size_t c = 0; c < 3; ++c)
                        CHECK(batch.values[((i * 3 + y) * 5 + x) * 3 + c] ==
                              doctest::Approx(pixels[(y * 5 + (mirror ? 4 - x : x)) * 3 + c] / 127.5 - 1)
                                  .epsilon(1e-6));
        }
        CHECK(mirrored > 0);
        CHECK(mirrored < 8);
    }

    TEST_CASE("batch loader: the same batches as gathered directly over epochs, restarts and threads") {
        for (const auto& [in_memory, decoders] : {std::pair{true, 1}, {false, 1}, {false, 3}}) {
            const MadeUpImages images(23, in_memory);
            BatchSampler sampler(5, 23, 4);
            BatchLoader loader(images, batch_order(sampler), {0.f, 1.f, true, 5, 0}, decoders);
            const auto check = [&](uint64_t index) {
                const HostBatch expected =
                    gathered(images, sampler.indices(index), {0.f, 1.f, true, 5, uint32_t(index)});
                const Tensor got = loader.batch(index, Device::cpu);
                CHECK(got.shape() == expected.shape);
                CHECK(got.to_host() == expected.values);
            };
            for (uint64_t index = 0; index < 40; ++index) check(index); // eight epochs
            for (const uint64_t index : {17, 18, 3, 3, 100, 101, 102, 99}) check(index);
            CHECK(loader.batches_given() == 39 + 1 + 2); // all but those no one could foresee
        }
    }

    TEST_CASE("batch loader: runs ahead and stays within bounds") {
        const MadeUpImages images(1000, false);
        BatchLoader loader(images, batch_order(BatchSampler(1, 1000, 10)), {}, 2);
        CHECK(images.decoded == 0); // nothing before the first batch is asked for
        loader.batch(0, Device::cpu);
        for (int i = 0; i < 1000 && images.decoded < 40; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        CHECK(images.decoded == 40); // batch 0 and three ahead
        CHECK(loader.seconds_waited() == 0);
    }

    TEST_CASE("batch loader: a bad image is an error of its batch alone") {
        for (const int decoders : {1, 3}) {
            MadeUpImages images(40, false);
            images.bad_from = 20;
            const auto in_order = [](uint64_t index) {
                return std::vector<uint32_t>{uint32_t(index * 4) % 40, uint32_t(index * 4 + 1) % 40};
            };
            BatchLoader loader(images, in_order, {}, decoders);
            for (uint64_t index = 0; index < 20; ++index) {
                const std::string expected =
                    index % 10 < 5 ? "" : "image " + std::to_string(index * 4 % 40) + " is bad";
                CHECK(error_of([&] { loader.batch(index, Device::cpu); }) == expected);
            }
        }
        const MadeUpImages images(4, true);
        BatchLoader loader(images, [](uint64_t) -> std::vector<uint32_t> { throw Error("no order"); }, {});
        CHECK(error_of([&] { loader.batch(0, Device::cpu); }) == "no order");
    }

    TEST_CASE("batch loader: ends cleanly while threads work, before and after the first batch") {
        MadeUpImages images(1000, false);
        images.slow = true;
        for (int i = 0; i < 20; ++i) {
            BatchLoader loader(images, batch_order(BatchSampler(1, 1000, 5)), {}, 3);
            for (int batch = 0; batch < i % 4; ++batch) loader.batch(uint64_t(batch), Device::cpu);
        }
        BatchLoader loader(images, batch_order(BatchSampler(1, 1000, 5)), {}, 1);
        for (uint64_t index = 0; index < 5; ++index) loader.batch(index, Device::cpu);
        CHECK(loader.seconds_waited() > 0.004); // 5 ms a batch and nothing to do in between
    }

    TEST_CASE("for_each_index: every index once, the first failure thrown, nothing begun after it") {
        for (const int threads : {1, 3, 50}) {
            std::vector<std::atomic<int>> calls(20);
            for_each_index(20, threads, [&](uint32_t i) { ++calls[i]; });
            for (const auto& count : calls) CHECK(count == 1);
            std::atomic<int> begun{0};
            const auto failing = [&](uint32_t i) {
                ++begun;
                if (i >= 7) throw Error("index " + std::to_string(i));
            };
            CHECK(error_of([&] { for_each_index(100000, threads, failing); }) == "index 7");
            CHECK(begun <= 7 + threads);
        }
        for_each_index(0, 2, [](uint32_t) { FAIL("called"); });
        std::set<uint32_t> reports;
        for_each_index(
            3, 1, [](uint32_t) { std::this_thread::sleep_for(std::chrono::milliseconds(120)); },
            [&](uint32_t done) { reports.insert(done); });
        CHECK(reports.contains(1));
        CHECK(error_of([] {
                  for_each_index(
                      4, 2, [](uint32_t) { std::this_thread::sleep_for(std::chrono::milliseconds(150)); },
                      [](uint32_t) { throw Error("report"); });
              }) == "report");
    }

} // TEST_SUITE
