#include "engine/upload.h"
#include "tests/devices.h"

#include <doctest/doctest.h>

#include <memory>
#include <thread>

using namespace heat;
using heat::test::devices;

namespace {

/// Values that tell the round and the place.
float value(int round, int64_t i) {
    return float(round) + float(i % 97) / 128.f;
}

void fill(UploadSlot& slot, const Shape& shape, int round) {
    float* values = slot.fill(shape);
    for (int64_t i = 0; i < shape.count(); ++i) values[i] = value(round, i);
    slot.send();
}

bool holds(const Tensor& tensor, int round) {
    const std::vector<float> values = tensor.to_host();
    for (int64_t i = 0; i < tensor.count(); ++i)
        if (values[size_t(i)] != value(round, i)) return false;
    return true;
}

} // namespace

TEST_SUITE("engine") {

    TEST_CASE("upload: what was filled in arrives, round after round, whatever the shapes") {
        for (const Device device : devices()) {
            CAPTURE(name_of(device));
            UploadSlot slot(device);
            int round = 0;
            for (const int64_t n : {5, 1000, 3, 200'000, 200'000, 1}) {
                fill(slot, Shape{n, 2}, ++round);
                const Tensor taken = slot.take();
                CHECK(taken.shape() == Shape{n, 2});
                CHECK(taken.device() == device);
                CHECK(holds(taken, round));
            }
            fill(slot, Shape{4}, 7); // sent and never taken: the next one takes its place
            fill(slot, Shape{4}, 8);
            CHECK(holds(slot.take(), 8));
        }
    }

    TEST_CASE("upload: tensors that were taken stay as they are while another thread fills the ring again") {
        const Shape shape{64, 1000};
        for (const Device device : devices()) {
            CAPTURE(name_of(device));
            std::unique_ptr<UploadSlot> ring[3];
            for (auto& slot : ring) slot = std::make_unique<UploadSlot>(device);
            std::vector<Tensor> taken;
            for (int round = 0; round < 12; ++round) {
                UploadSlot& slot = *ring[round % 3];
                std::thread([&] { fill(slot, shape, round); }).join();
                taken.push_back(slot.take()); // nothing here waits for a card
            }
            for (int round = 0; round < 12; ++round) CHECK(holds(taken[size_t(round)], round));
        }
    }
}
