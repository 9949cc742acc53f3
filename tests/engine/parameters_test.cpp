#include "engine/parameters.h"
#include "kernels/memory.h"
#include "tests/devices.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace heat;
using heat::test::devices;

namespace {

/// Whether the store's bf16 values are its values, rounded.
bool are_rounded(ParameterStore& store) {
    const Tensor rounded = store.values().to(Dtype::bf16);
    store.bf16_values();
    const Parameter& last = store.parameter(store.size() - 1);
    Tensor copy(Shape{last.shape().count()}, Dtype::bf16, rounded.device());
    kernels::copy_memory(copy.stream(), copy.raw(), last.bf16_data(), copy.bytes(),
                         kernels::CopyKind::device_to_device);
    const std::vector<float> all = rounded.to_host(), part = copy.to_host();
    const int64_t offset = store.flat_size() - 16; // the last parameter has fewer than 16 values
    return std::equal(part.begin(), part.end(), all.begin() + offset);
}

} // namespace

TEST_SUITE("engine") {
    TEST_CASE("parameters: bf16 values are made when values change, not where an update has written them") {
        for (const Device device : devices()) {
            ParameterStore store;
            store.add("a", Shape{3, 7}, Initialization::fan_in(7));
            store.add("b", Shape{5}, Initialization::fan_in(5));
            store.allocate(device, 3);
            CHECK(store.bf16_to_update() == nullptr); // nobody has used them
            CHECK(are_rounded(store));
            CHECK((store.bf16_to_update() != nullptr) == (device == Device::cuda));
            const std::vector<float> before = store.values().to_host();
            std::vector<float> values = before;
            for (float& value : values) value += 1.f;
            store.values().copy_from_host(values.data(), store.flat_size());
            store.updated_with(store.bf16_values()); // an update that claims to have written both
            CHECK_FALSE(are_rounded(store));
            store.values_changed();
            CHECK(store.bf16_to_update() == nullptr);
            CHECK(are_rounded(store));
        }
    }
}
