#include "kernels/math.h"
#include "kernels/silu_rows.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace heat;
using namespace heat::kernels;

TEST_SUITE_BEGIN("kernels");

TEST_CASE("silu_rows: as the functions of one value, at any width and over the whole range") {
    if (!has_silu_rows()) {
        MESSAGE("skipped: this build's processor has no AVX512_BF16");
        return;
    }
    for (const int width : {1, 7, 16, 17, 48, 83}) {
        CAPTURE(width);
        const int rows = 5, stride = width + 3;
        std::vector<float> center, scale, beta;
        for (int c = 0; c < width; ++c) {
            center.push_back(0.1f * float(c % 5));
            scale.push_back(0.5f + 0.25f * float(c % 7));
            beta.push_back(0.3f * float(c % 3) - 0.2f);
        }
        std::vector<bf16> x, y(size_t(rows) * stride, bf16{0x7fc1});
        for (int i = 0; i < rows * width; ++i)
            x.push_back(from_float<bf16>(200.f * std::sin(float(i)) * std::pow(0.9f, float(i % 60))));
        silu_rows(x.data(), rows, width, {center.data(), scale.data(), beta.data()}, y.data(), stride);
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < stride; ++c) {
                const bf16 found = y[size_t(r * stride + c)];
                if (c >= width) {
                    CHECK(found.bits == 0x7fc1); // the gap between rows is not written
                    continue;
                }
                const double z =
                    (double(to_float(x[size_t(r * width + c)])) - center[c]) * scale[c] + beta[c];
                const double expected = z / (1 + std::exp(-z));
                CAPTURE(z);
                // Half a unit in the last of bf16's eight digits, and what the approximation adds.
                CHECK(std::fabs(to_float(found) - expected) <=
                      std::fabs(expected) * (1.0 / 256 + 2e-4) + 1e-37);
            }
    }
}

TEST_SUITE_END();
