#pragma once

// What the process tests share: closed-form networks, host copies, and a DCT-II in double precision by its
// definition.

#include "engine/tensor.h"
#include "kernels/error.h"
#include "processes/denoiser.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

namespace heat::processes::test {

using Doubles = std::vector<double>;

inline Doubles to_doubles(const Tensor& tensor) {
    const std::vector<float> values = tensor.to_host();
    return Doubles(values.begin(), values.end());
}

inline Tensor to_tensor(Shape shape, const Doubles& values) {
    return Tensor::from_host(std::move(shape), std::vector<float>(values.begin(), values.end()), Device::cpu);
}

inline std::vector<int32_t> to_integers(const Tensor& tensor) {
    const int32_t* values = tensor.data<int32_t>();
    return std::vector<int32_t>(values, values + tensor.count());
}

inline double largest_difference(const Doubles& a, const Doubles& b) {
    if (a.size() != b.size()) return INFINITY;
    double largest = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return INFINITY;
        largest = std::max(largest, std::abs(a[i] - b[i]));
    }
    return largest;
}

inline double largest_value(const Doubles& a) {
    double largest = 0;
    for (const double value : a) largest = std::max(largest, std::abs(value));
    return largest;
}

/// Orthonormal 2-D DCT-II (or its inverse) of N×H×W×C values, O(n²) per axis.
inline Doubles dct2(const Doubles& x, const Shape& shape, bool inverse) {
    const int64_t images = shape[0], height = shape[1], width = shape[2], channels = shape[3];
    const auto basis = [](int64_t k, int64_t j, int64_t n) {
        return std::sqrt((k ? 2.0 : 1.0) / double(n)) *
               std::cos(std::numbers::pi * double(k * (2 * j + 1)) / double(2 * n));
    };
    const auto at = [=](int64_t i, int64_t h, int64_t w, int64_t c) {
        return size_t(((i * height + h) * width + w) * channels + c);
    };
    Doubles rows(x.size(), 0.0), y(x.size(), 0.0);
    for (int64_t i = 0; i < images; ++i)
        for (int64_t h = 0; h < height; ++h)
            for (int64_t w = 0; w < width; ++w)
                for (int64_t c = 0; c < channels; ++c)
                    for (int64_t j = 0; j < width; ++j)
                        rows[at(i, h, w, c)] +=
                            (inverse ? basis(j, w, width) : basis(w, j, width)) * x[at(i, h, j, c)];
    for (int64_t i = 0; i < images; ++i)
        for (int64_t h = 0; h < height; ++h)
            for (int64_t w = 0; w < width; ++w)
                for (int64_t c = 0; c < channels; ++c)
                    for (int64_t j = 0; j < height; ++j)
                        y[at(i, h, w, c)] +=
                            (inverse ? basis(j, h, height) : basis(h, j, height)) * rows[at(i, j, w, c)];
    return y;
}

/// IHDM's F(t)u by its definition.
inline Doubles blur(const Doubles& images, const Shape& shape, double time) {
    Doubles c = dct2(images, shape, false);
    const int64_t height = shape[1], width = shape[2], channels = shape[3];
    for (size_t e = 0; e < c.size(); ++e) {
        const int64_t point = int64_t(e) / channels % (height * width);
        const int64_t i = point / width, j = point % width;
        const double mu = std::numbers::pi * std::numbers::pi *
                          (i * i / double(height * height) + j * j / double(width * width));
        c[e] *= std::exp(-mu * time);
    }
    return dct2(c, shape, true);
}

/// A network given by a function of all its inputs on the host.
class ClosedForm : public Denoiser {
public:
    using Function = std::function<Doubles(const Doubles& x, double timestep)>;
    explicit ClosedForm(Function function) : function_(std::move(function)) {}

    Tensor predict(const Tensor& x, const Tensor& timesteps) override {
        const Doubles times = to_doubles(timesteps);
        for (const double time : times)
            if (time != times.front()) throw std::runtime_error("one timestep per step expected");
        seen.push_back(times.front());
        return to_tensor(x.shape(), function_(to_doubles(x), times.front()));
    }

    Doubles seen; ///< the timesteps of all calls

private:
    Function function_;
};

/// 0.3 x + 0.001 t, the network of tests/golden/ddpm_tables.json.
inline Doubles golden_network(const Doubles& x, double timestep) {
    Doubles y;
    for (const double value : x) y.push_back(0.3 * value + 0.001 * timestep);
    return y;
}

/// The message of the heat::Error that f throws, or "no error".
inline std::string error_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.what();
    }
    return "no error";
}

} // namespace heat::processes::test
