#include "kernels/embedding.h"
#include "tests/kernels/device_array.h"
#include "tests/reference/embedding.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::kernels;

TEST_SUITE_BEGIN("kernels");

TEST_CASE("embedding: sinusoidal, both orders and both shifts") {
    const std::vector<double> timesteps{0., 1., 17., 999., 200.5};
    for (const Stream& stream : test_streams()) {
        for (const int dimension : {1, 2, 3, 32, 37, 128}) {
            for (const bool cosine_first : {false, true}) {
                for (const float shift : {0.f, 1.f}) {
                    CAPTURE(stream.on_cuda);
                    CAPTURE(dimension);
                    CAPTURE(cosine_first);
                    CAPTURE(shift);
                    DeviceArray<float> t(stream, reference::stored<float>(timesteps));
                    DeviceArray<float> y(stream, timesteps.size() * dimension);
                    sinusoidal_embedding(stream, t.data(), y.data(), int(timesteps.size()), dimension,
                                         cosine_first, shift);
                    const auto expected =
                        reference::sinusoidal_embedding(timesteps, dimension, cosine_first, shift);
                    CHECK(reference::nmse(reference::widened(y.host()), expected) <= 1e-7);
                }
            }
        }
    }
}

TEST_CASE("embedding: look-up and its gradient") {
    const std::vector<int32_t> index{4, 0, 4, 2, 4, 0};
    const int rows = 5;
    for (const Stream& stream : test_streams()) {
        for (const int width : {1, 7, 64, 301}) {
            CAPTURE(stream.on_cuda);
            CAPTURE(width);
            const auto table = reference::random_stored<float>(size_t(rows) * width, 1);
            const auto dy = reference::random_stored<float>(index.size() * width, 2);
            std::vector<float> y(index.size() * width);
            std::vector<float> d_table = table.stored; // the gradient is added to what is there
            for (size_t i = 0; i < index.size(); ++i) {
                for (int j = 0; j < width; ++j) {
                    y[i * width + j] = table.stored[size_t(index[i]) * width + j];
                    d_table[size_t(index[i]) * width + j] += dy.stored[i * width + j];
                }
            }
            DeviceArray<int32_t> rows_of(stream, index);
            DeviceArray<float> source(stream, table.stored), gradient(stream, table.stored);
            DeviceArray<float> upstream(stream, dy.stored), out(stream, y.size());
            embedding_lookup(stream, source.data(), rows_of.data(), out.data(), int(index.size()), width);
            CHECK(out.host() == y);
            embedding_backward(stream, upstream.data(), rows_of.data(), gradient.data(), int(index.size()),
                               rows, width);
            CHECK(gradient.host() == d_table); // bit for bit: the order of additions is part of the promise
        }
    }
}

TEST_SUITE_END();
