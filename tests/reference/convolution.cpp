#include "tests/reference/convolution.h"

#include <cstddef>

namespace heat::reference {

namespace {

/// Calls visit(index into y, index into x, index into weight) for every product of the sum.
template <class F>
void for_each_product(const ConvolutionSizes& s, F visit) {
    for (int n = 0; n < s.n; ++n)
        for (int i = 0; i < s.out_h(); ++i)
            for (int j = 0; j < s.out_w(); ++j)
                for (int o = 0; o < s.c_out; ++o)
                    for (int a = 0; a < s.kernel_h; ++a)
                        for (int b = 0; b < s.kernel_w; ++b)
                            for (int c = 0; c < s.c_in; ++c) {
                                const int row = i * s.stride + a - s.pad_top;
                                const int column = j * s.stride + b - s.pad_left;
                                if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
                                visit(((size_t(n) * s.out_h() + i) * s.out_w() + j) * s.c_out + o,
                                      ((size_t(n) * s.h + row) * s.w + column) * s.c_in + c,
                                      ((size_t(o) * s.kernel_h + a) * s.kernel_w + b) * s.c_in + c);
                            }
}

} // namespace

std::vector<double> convolution_forward(const ConvolutionSizes& s, const std::vector<double>& x,
                                        const std::vector<double>& weight, const std::vector<double>& bias) {
    std::vector<double> y(size_t(s.n) * s.out_h() * s.out_w() * s.c_out);
    for (size_t i = 0; i < y.size(); ++i) y[i] = bias.empty() ? 0. : bias[i % s.c_out];
    for_each_product(s, [&](size_t out, size_t in, size_t w) { y[out] += x[in] * weight[w]; });
    return y;
}

std::vector<double> convolution_backward_data(const ConvolutionSizes& s, const std::vector<double>& weight,
                                              const std::vector<double>& dy) {
    std::vector<double> dx(size_t(s.n) * s.h * s.w * s.c_in);
    for_each_product(s, [&](size_t out, size_t in, size_t w) { dx[in] += dy[out] * weight[w]; });
    return dx;
}

std::vector<double> convolution_backward_weights(const ConvolutionSizes& s, const std::vector<double>& x,
                                                 const std::vector<double>& dy) {
    std::vector<double> dw(size_t(s.c_out) * s.kernel_h * s.kernel_w * s.c_in);
    for_each_product(s, [&](size_t out, size_t in, size_t w) { dw[w] += dy[out] * x[in]; });
    return dw;
}

std::vector<double> convolution_backward_bias(const ConvolutionSizes& s, const std::vector<double>& dy) {
    std::vector<double> db(s.c_out);
    for (size_t i = 0; i < dy.size(); ++i) db[i % s.c_out] += dy[i];
    return db;
}

} // namespace heat::reference
