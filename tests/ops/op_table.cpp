#include "tests/ops/op_table.h"

#include "tests/reference/activation.h"
#include "tests/reference/convolution.h"
#include "tests/reference/gemm.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/hybrid_loss.h"
#include "tests/reference/resample.h"

#include <array>
#include <cmath>
#include <utility>

namespace heat {
namespace {

using Table = std::vector<OracleCase>;

OracleCase convolution_case(const reference::ConvolutionSizes& s, bool bias) {
    return {bench::convolution_case({s.n, s.h, s.w, s.c_in, s.c_out, s.kernel_h, s.kernel_w, s.stride,
                                     s.pad_top, s.pad_left, s.pad_bottom, s.pad_right},
                                    bias),
            [s](const Arrays& x, const Arrays& p) {
                return reference::convolution_forward(s, x[0], p[0],
                                                      p.size() > 1 ? p[1] : std::vector<double>());
            }};
}

OracleCase residual_convolution_case(const reference::ConvolutionSizes& s) {
    return {bench::residual_convolution_case({s.n, s.h, s.w, s.c_in, s.c_out, s.kernel_h, s.kernel_w,
                                              s.stride, s.pad_top, s.pad_left, s.pad_bottom, s.pad_right}),
            [s](const Arrays& x, const Arrays& p) {
                Arrays::value_type y = reference::convolution_forward(s, x[0], p[0], p[1]);
                for (size_t i = 0; i < y.size(); ++i) y[i] += x[1][i];
                return y;
            }};
}

void add_convolutions(Table& table) {
    table.push_back(residual_convolution_case({2, 6, 4, 16, 32, 3, 3, 1, 1, 1, 1, 1}));
    table.push_back(residual_convolution_case({1, 7, 5, 17, 13, 3, 3, 1, 1, 1, 1, 1}));
    table.push_back(convolution_case({2, 5, 7, 3, 4, 3, 3, 1, 1, 1, 1, 1}, true));
    table.push_back(convolution_case({1, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1}, true));
    table.push_back(convolution_case({2, 6, 4, 16, 32, 3, 3, 1, 1, 1, 1, 1}, true));
    table.push_back(convolution_case({3, 7, 7, 32, 16, 3, 3, 1, 1, 1, 1, 1}, false));
    table.push_back(convolution_case({2, 6, 8, 16, 16, 3, 3, 2, 1, 1, 1, 1}, true));
    table.push_back(
        convolution_case({2, 6, 8, 16, 16, 3, 3, 2, 0, 0, 1, 1}, true)); // diffusers' asymmetric padding
    table.push_back(convolution_case({1, 7, 5, 17, 13, 3, 3, 2, 1, 1, 1, 1}, true));
    table.push_back(convolution_case({2, 28, 28, 1, 32, 3, 3, 1, 1, 1, 1, 1}, true));
    table.push_back(convolution_case({2, 3, 5, 7, 11, 1, 1, 1, 0, 0, 0, 0}, true));
    table.push_back(convolution_case({1, 4, 9, 5, 2, 1, 3, 1, 0, 1, 0, 1}, true));
}

std::vector<double> linear_oracle(const std::vector<double>& x, const std::vector<double>& w,
                                  const std::vector<double>& bias, int rows, int outputs, int inputs) {
    std::vector<double> y = reference::gemm(rows, outputs, inputs, x, w, false, true);
    for (size_t i = 0; i < y.size() && !bias.empty(); ++i) y[i] += bias[i % size_t(outputs)];
    return y;
}

void add_linear(Table& table) {
    for (const auto& [rows, inputs, outputs] :
         {std::array{1, 1, 1}, std::array{7, 5, 3}, std::array{33, 64, 16}, std::array{4, 16, 65}})
        table.push_back({bench::linear_case(rows, inputs, outputs),
                         [r = rows, i = inputs, o = outputs](const Arrays& x, const Arrays& p) {
                             return linear_oracle(x[0], p[0], p[1], r, o, i);
                         }});
    for (const auto& [a, b] : {std::pair{3, 5}, std::pair{16, 32}})
        table.push_back({bench::linear_concat_case(Shape{2, 3, 2}, a, b, 6),
                         [a = a, b = b](const Arrays& x, const Arrays& p) {
                             return linear_oracle(
                                 reference::concatenate_and_shift(x[0], x[1], {}, 2, 6, a, b), p[0], p[1], 12,
                                 6, a + b);
                         }});
}

OracleCase group_norm_case(const bench::GroupNormSize& s) {
    return {bench::group_norm_case(s), [s](const Arrays& x, const Arrays& p) {
                const std::vector<double> none;
                const int n = int(s.n), rows = int(s.h * s.w), channels = int(s.channels), skip = int(s.skip);
                const auto u = reference::concatenate_and_shift(
                    x[0], skip ? x[1] : none, s.shift ? x.back() : none, n, rows, channels, skip);
                return reference::group_norm_forward(
                           {n, rows, channels + skip, s.groups, double(1e-5f), s.silu}, u, p[0], p[1])
                    .y;
            }};
}

/// softmax(q kᵀ/√d) v per head, one number at a time.
std::vector<double> attention_oracle(const Arrays& x, int n, int t, int c, int heads) {
    const int depth = c / heads;
    std::vector<double> y(size_t(n) * size_t(t) * size_t(c), 0.);
    const auto at = [&](int i, int position, int head, int k) {
        return size_t((i * t + position) * c + head * depth + k);
    };
    for (int i = 0; i < n; ++i)
        for (int head = 0; head < heads; ++head)
            for (int a = 0; a < t; ++a) {
                std::vector<double> scores(size_t(t), 0.);
                for (int b = 0; b < t; ++b)
                    for (int k = 0; k < depth; ++k)
                        scores[size_t(b)] +=
                            x[0][at(i, a, head, k)] * x[1][at(i, b, head, k)] / std::sqrt(double(depth));
                const std::vector<double> weights = reference::softmax_forward(scores, 1, t);
                for (int b = 0; b < t; ++b)
                    for (int k = 0; k < depth; ++k)
                        y[at(i, a, head, k)] += weights[size_t(b)] * x[2][at(i, b, head, k)];
            }
    return y;
}

void add_attention(Table& table) {
    for (const auto& [n, t, c, heads] :
         {std::array{1, 1, 1, 1}, std::array{2, 7, 6, 1}, std::array{2, 5, 12, 3}, std::array{1, 49, 32, 4},
          std::array{1, 70, 32, 1}}) {
        OracleCase o{bench::attention_case(n, t, c, heads),
                     [n = n, t = t, c = c, h = heads](const Arrays& x, const Arrays&) {
                         return attention_oracle(x, n, t, c, h);
                     }};
        o.bf16_tolerance =
            3e-4; // the softmax weights are themselves rounded to bf16 before they meet the values
        table.push_back(std::move(o));
    }
}

void add_elementwise(Table& table) {
    const auto silu_oracle = [](const Arrays& x, const Arrays&) { return reference::silu_forward(x[0]); };
    table.push_back({bench::silu_case(Shape{3, 5, 7}), silu_oracle});
    table.push_back({bench::reshape_case(Shape{2, 6}, Shape{3, 4}), silu_oracle});
    table.push_back({bench::add_case(Shape{2, 3, 5}), [](const Arrays& x, const Arrays&) {
                         std::vector<double> y = x[0];
                         for (size_t i = 0; i < y.size(); ++i) y[i] += x[1][i];
                         return y;
                     }});
    table.push_back({bench::add_to_itself_case(Shape{7}), [](const Arrays& x, const Arrays&) {
                         std::vector<double> y = x[0];
                         for (double& v : y) v *= 2;
                         return y;
                     }});
    table.push_back({bench::add_per_channel_case(Shape{2, 3, 5, 7}), [](const Arrays& x, const Arrays&) {
                         return reference::concatenate_and_shift(x[0], {}, x[1], 2, 15, 7, 0);
                     }});
    for (const auto& [n, h, w, c] : {std::array{1, 1, 1, 1}, std::array{2, 3, 5, 7}, std::array{3, 5, 3, 70}})
        table.push_back({bench::scale_shift_case(Shape{n, h, w, c}),
                         [n = n, rows = h * w, c = c](const Arrays& x, const Arrays&) {
                             return reference::scale_shift_silu(x[0], x[1], n, rows, c);
                         }});
    for (const auto& [n, h, w, c] : {std::array{1, 1, 1, 1}, std::array{2, 3, 5, 7}, std::array{1, 7, 2, 16}})
        table.push_back({bench::upsample_nearest_case(Shape{n, h, w, c}),
                         [n = n, h = h, w = w, c = c](const Arrays& x, const Arrays&) {
                             return reference::upsample_nearest_forward(x[0], n, h, w, c);
                         }});
    for (const auto& [n, h, w, c] : {std::array{1, 2, 2, 1}, std::array{2, 6, 10, 7}})
        table.push_back({bench::average_pool_case(Shape{n, h, w, c}),
                         [n = n, h = h, w = w, c = c](const Arrays& x, const Arrays&) {
                             return reference::average_pool_forward(x[0], n, h, w, c);
                         }});
    for (const auto& [images, classes] : {std::array{1, 2}, std::array{5, 7}, std::array{3, 33}})
        table.push_back({bench::cross_entropy_case(images, classes),
                         [n = images, k = classes](const Arrays& x, const Arrays&) {
                             double sum = 0;
                             for (int i = 0; i < n; ++i) {
                                 double total = 0;
                                 for (int c = 0; c < k; ++c) total += std::exp(x[0][size_t(i * k + c)]);
                                 sum += std::log(total) - x[0][size_t(i * k + 3 * i % k)];
                             }
                             return std::vector<double>{sum / n};
                         }});
    for (const auto& [n, h, w, c] : {std::array{1, 1, 1, 1}, std::array{2, 3, 5, 7}, std::array{1, 7, 7, 33}})
        table.push_back({bench::spatial_mean_case(Shape{n, h, w, c}),
                         [n = n, p = h * w, c = c](const Arrays& x, const Arrays&) {
                             std::vector<double> y(size_t(n) * size_t(c), 0.);
                             for (int i = 0; i < n * p; ++i)
                                 for (int k = 0; k < c; ++k)
                                     y[size_t(i / p * c + k)] += x[0][size_t(i * c + k)] / p;
                             return y;
                         }});
    const auto loss_oracle = [](double (*measure)(double)) {
        return [measure](const Arrays& x, const Arrays&) {
            double sum = 0;
            for (size_t i = 0; i < x[0].size(); ++i) // images of 15 elements, weights 1, 2, …
                sum += 0.125 * double(i / 15 + 1) * measure(x[0][i] - 0.25 * double(i % 4));
            return std::vector<double>{sum};
        };
    };
    table.push_back({bench::squared_error_case(Shape{3, 5, 3}), loss_oracle([](double d) { return d * d; })});
    table.push_back(
        {bench::absolute_error_case(Shape{3, 5, 3}), loss_oracle([](double d) { return std::abs(d); })});
    table.push_back(
        {bench::hybrid_loss_case(Shape{3, 5, 3}), [](const Arrays& x, const Arrays&) {
             double sum = 0;
             for (size_t i = 0; i < 45; ++i) { // images of 5 pixels of 3 channels, levels 1, 2, 1
                 const size_t at = i / 3 * 6 + i % 3;
                 const bool first = i / 15 != 1;
                 const double error = x[0][at] - 0.25 * double(i % 4), u = double(i % 256) / 127.5 - 1;
                 const double log_low = first ? -6 : -4, span = first ? 2 : double(0.7f);
                 const double log_variance = log_low + span * (x[0][at + 3] + 1) / 2;
                 const double bound = first ? reference::negative_log_likelihood(u, u, log_variance)
                                            : reference::gaussian_divergence(0, log_low, log_variance);
                 sum += 0.125 * double(i / 15 + 1) * ((first ? 0.5 : 1) * error * error + 0.5 * bound);
             }
             return std::vector<double>{sum};
         }});
    table.push_back({bench::embedding_case(5, 3, {4, 0, 4, 2}), [](const Arrays&, const Arrays& p) {
                         std::vector<double> y;
                         for (const int row : {4, 0, 4, 2})
                             y.insert(y.end(), p[0].begin() + row * 3, p[0].begin() + row * 3 + 3);
                         return y;
                     }});
}

} // namespace

std::vector<OracleCase> op_table() {
    Table table;
    add_convolutions(table);
    add_linear(table);
    table.push_back(group_norm_case({2, 3, 5, 8, 0, 4, false, false}));
    table.push_back(group_norm_case({1, 7, 3, 6, 3, 3, true, true}));
    table.push_back(group_norm_case({2, 4, 4, 16, 16, 8, true, true}));
    table.push_back(group_norm_case({1, 20, 17, 7, 0, 1, false, true}));
    table.push_back(group_norm_case({3, 1, 2, 5, 0, 5, true, false}));
    add_attention(table);
    add_elementwise(table);
    return table;
}

} // namespace heat
