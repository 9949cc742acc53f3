#include "tests/reference/activation.h"

#include <algorithm>
#include <cmath>

namespace heat::reference {

double silu(double x) {
    return x / (1. + std::exp(-x));
}

double silu_derivative(double x) {
    const double s = 1. / (1. + std::exp(-x));
    return s + x * s * (1. - s);
}

std::vector<double> silu_forward(const std::vector<double>& x) {
    std::vector<double> y;
    y.reserve(x.size());
    for (const double v : x) y.push_back(silu(v));
    return y;
}

std::vector<double> silu_backward(const std::vector<double>& x, const std::vector<double>& dy) {
    std::vector<double> dx(x.size());
    for (size_t i = 0; i < x.size(); ++i) dx[i] = dy[i] * silu_derivative(x[i]);
    return dx;
}

std::vector<double> scale_shift_silu(const std::vector<double>& x, const std::vector<double>& m, int images,
                                     int rows, int channels) {
    std::vector<double> y;
    for (int n = 0; n < images; ++n)
        for (int r = 0; r < rows; ++r)
            for (int c = 0; c < channels; ++c) {
                const double scale = m[size_t(2 * n * channels + c)];
                const double shift = m[size_t((2 * n + 1) * channels + c)];
                y.push_back(silu(x[size_t((n * rows + r) * channels + c)] * (1 + scale) + shift));
            }
    return y;
}

std::vector<double> softmax_forward(const std::vector<double>& x, int rows, int columns) {
    std::vector<double> y(x.size());
    for (int r = 0; r < rows; ++r) {
        const double* in = x.data() + size_t(r) * columns;
        double* out = y.data() + size_t(r) * columns;
        const double largest = *std::max_element(in, in + columns);
        double total = 0.;
        for (int c = 0; c < columns; ++c) total += std::exp(in[c] - largest);
        for (int c = 0; c < columns; ++c) out[c] = std::exp(in[c] - largest) / total;
    }
    return y;
}

std::vector<double> softmax_backward(const std::vector<double>& y, const std::vector<double>& dy, int rows,
                                     int columns) {
    std::vector<double> dx(y.size());
    for (int r = 0; r < rows; ++r) {
        const size_t first = size_t(r) * columns;
        for (int j = 0; j < columns; ++j)
            for (int i = 0; i < columns; ++i)
                dx[first + j] += dy[first + i] * y[first + i] * ((i == j ? 1. : 0.) - y[first + j]);
    }
    return dx;
}

} // namespace heat::reference
