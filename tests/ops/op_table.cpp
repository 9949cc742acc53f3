#include "tests/ops/op_table.h"

#include "engine/ops/activation.h"
#include "engine/ops/attention.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/embedding.h"
#include "engine/ops/group_norm.h"
#include "engine/ops/linear.h"
#include "engine/ops/resample.h"
#include "tests/reference/activation.h"
#include "tests/reference/convolution.h"
#include "tests/reference/gemm.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/resample.h"

#include <fmt/format.h>

#include <cmath>

namespace heat {
namespace {

using Variables = std::vector<Variable>;
using Parameters = std::vector<Parameter>;

Parameter optional(const Parameters& p, size_t i) {
    return i < p.size() ? p[i] : Parameter();
}

OpCase convolution_case(const reference::ConvolutionSizes& s, bool bias) {
    OpCase c;
    c.name = fmt::format("conv2d {}×{}×{}×{} to {}, kernel {}×{}, stride {}, pad {}{}{}{}{}", s.n, s.h, s.w,
                         s.c_in, s.c_out, s.kernel_h, s.kernel_w, s.stride, s.pad_top, s.pad_left,
                         s.pad_bottom, s.pad_right, bias ? "" : ", no bias");
    c.inputs = {Shape{s.n, s.h, s.w, s.c_in}};
    c.parameters = {Shape{s.c_out, s.kernel_h, s.kernel_w, s.c_in}};
    if (bias) c.parameters.push_back(Shape{s.c_out});
    c.op = [s](const Variables& x, const Parameters& p) {
        return conv2d(x[0], p[0], optional(p, 1), s.stride,
                      {s.pad_top, s.pad_left, s.pad_bottom, s.pad_right});
    };
    c.oracle = [s](const Arrays& x, const Arrays& p) {
        return reference::convolution_forward(s, x[0], p[0], p.size() > 1 ? p[1] : std::vector<double>());
    };
    return c;
}

void add_convolutions(std::vector<OpCase>& table) {
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

void add_linear(std::vector<OpCase>& table) {
    for (const auto& [rows, inputs, outputs] :
         {std::array{1, 1, 1}, std::array{7, 5, 3}, std::array{33, 64, 16}, std::array{4, 16, 65}}) {
        OpCase c;
        c.name = fmt::format("linear {}×{} to {}", rows, inputs, outputs);
        c.inputs = {Shape{rows, inputs}};
        c.parameters = {Shape{outputs, inputs}, Shape{outputs}};
        c.op = [](const Variables& x, const Parameters& p) { return linear(x[0], p[0], p[1]); };
        c.oracle = [=, r = rows, i = inputs, o = outputs](const Arrays& x, const Arrays& p) {
            return linear_oracle(x[0], p[0], p[1], r, o, i);
        };
        table.push_back(std::move(c));
    }
    for (const auto& [a, b] : {std::pair{3, 5}, std::pair{16, 32}}) {
        OpCase c;
        c.name = fmt::format("linear_concat {}+{} to 6", a, b);
        c.inputs = {Shape{2, 3, 2, a}, Shape{2, 3, 2, b}};
        c.parameters = {Shape{6, 1, 1, a + b}, Shape{6}};
        c.op = [](const Variables& x, const Parameters& p) { return linear_concat(x[0], x[1], p[0], p[1]); };
        c.oracle = [a = a, b = b](const Arrays& x, const Arrays& p) {
            return linear_oracle(reference::concatenate_and_shift(x[0], x[1], {}, 2, 6, a, b), p[0], p[1], 12,
                                 6, a + b);
        };
        table.push_back(std::move(c));
    }
}

OpCase group_norm_case(int n, int h, int w, int channels, int skip, int groups, bool shift, bool with_silu) {
    OpCase c;
    const int all = channels + skip;
    c.name = fmt::format("group_norm {}×{}×{}×{}{} in {} groups{}{}", n, h, w, channels,
                         skip ? fmt::format("+{}", skip) : "", groups, shift ? ", shift" : "",
                         with_silu ? ", silu" : "");
    c.inputs = {Shape{n, h, w, channels}};
    if (skip) c.inputs.push_back(Shape{n, h, w, skip});
    if (shift) c.inputs.push_back(Shape{n, all});
    c.parameters = {Shape{all}, Shape{all}};
    c.op = [=](const Variables& x, const Parameters& p) {
        return group_norm(x[0], skip ? x[1] : Variable(), shift ? x.back() : Variable(), p[0], p[1],
                          {groups, 1e-5f, with_silu});
    };
    c.oracle = [=](const Arrays& x, const Arrays& p) {
        const std::vector<double> none;
        const auto u = reference::concatenate_and_shift(x[0], skip ? x[1] : none, shift ? x.back() : none, n,
                                                        h * w, channels, skip);
        return reference::group_norm_forward({n, h * w, all, groups, double(1e-5f), with_silu}, u, p[0], p[1])
            .y;
    };
    return c;
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

void add_attention(std::vector<OpCase>& table) {
    for (const auto& [n, t, c, heads] : {std::array{1, 1, 1, 1}, std::array{2, 7, 6, 1},
                                         std::array{2, 5, 12, 3}, std::array{1, 49, 32, 4}}) {
        OpCase o;
        o.name = fmt::format("attention {}×{}×{} with {} heads", n, t, c, heads);
        o.inputs = {Shape{n, t, c}, Shape{n, t, c}, Shape{n, t, c}};
        o.op = [h = heads](const Variables& x, const Parameters&) { return attention(x[0], x[1], x[2], h); };
        o.oracle = [n = n, t = t, c = c, h = heads](const Arrays& x, const Arrays&) {
            return attention_oracle(x, n, t, c, h);
        };
        o.bf16_tolerance =
            3e-4; // the softmax weights are themselves rounded to bf16 before they meet the values
        table.push_back(std::move(o));
    }
}

void add_elementwise(std::vector<OpCase>& table) {
    table.push_back({"silu 3×5×7",
                     {Shape{3, 5, 7}},
                     {},
                     [](const Variables& x, const Parameters&) { return silu(x[0]); },
                     [](const Arrays& x, const Arrays&) { return reference::silu_forward(x[0]); }});
    table.push_back({"add 2×3×5",
                     {Shape{2, 3, 5}, Shape{2, 3, 5}},
                     {},
                     [](const Variables& x, const Parameters&) { return add(x[0], x[1]); },
                     [](const Arrays& x, const Arrays&) {
                         std::vector<double> y = x[0];
                         for (size_t i = 0; i < y.size(); ++i) y[i] += x[1][i];
                         return y;
                     }});
    table.push_back({"add of a tensor to itself",
                     {Shape{7}},
                     {},
                     [](const Variables& x, const Parameters&) { return add(x[0], x[0]); },
                     [](const Arrays& x, const Arrays&) {
                         std::vector<double> y = x[0];
                         for (double& v : y) v *= 2;
                         return y;
                     }});
    table.push_back({"add_per_channel 2×3×5×7",
                     {Shape{2, 3, 5, 7}, Shape{2, 7}},
                     {},
                     [](const Variables& x, const Parameters&) { return add_per_channel(x[0], x[1]); },
                     [](const Arrays& x, const Arrays&) {
                         return reference::concatenate_and_shift(x[0], {}, x[1], 2, 15, 7, 0);
                     }});
    table.push_back({"reshape and silu",
                     {Shape{2, 6}},
                     {},
                     [](const Variables& x, const Parameters&) {
                         return silu(reshape(x[0], Shape{3, 4}));
                     },
                     [](const Arrays& x, const Arrays&) { return reference::silu_forward(x[0]); }});
    for (const auto& [n, h, w, c] : {std::array{1, 1, 1, 1}, std::array{2, 3, 5, 7}, std::array{1, 7, 2, 16}})
        table.push_back({fmt::format("upsample_nearest {}×{}×{}×{}", n, h, w, c),
                         {Shape{n, h, w, c}},
                         {},
                         [](const Variables& x, const Parameters&) { return upsample_nearest(x[0]); },
                         [n = n, h = h, w = w, c = c](const Arrays& x, const Arrays&) {
                             return reference::upsample_nearest_forward(x[0], n, h, w, c);
                         }});
    for (const auto& [n, h, w, c] : {std::array{1, 2, 2, 1}, std::array{2, 6, 10, 7}})
        table.push_back({fmt::format("average_pool {}×{}×{}×{}", n, h, w, c),
                         {Shape{n, h, w, c}},
                         {},
                         [](const Variables& x, const Parameters&) { return average_pool(x[0]); },
                         [n = n, h = h, w = w, c = c](const Arrays& x, const Arrays&) {
                             return reference::average_pool_forward(x[0], n, h, w, c);
                         }});
    OpCase table_lookup;
    table_lookup.name = "embedding of repeated rows";
    table_lookup.parameters = {Shape{5, 3}};
    table_lookup.op = [](const Variables&, const Parameters& p) { return embedding(p[0], {4, 0, 4, 2}); };
    table_lookup.oracle = [](const Arrays&, const Arrays& p) {
        std::vector<double> y;
        for (const int row : {4, 0, 4, 2})
            y.insert(y.end(), p[0].begin() + row * 3, p[0].begin() + row * 3 + 3);
        return y;
    };
    table_lookup.f32_only = true;
    table.push_back(std::move(table_lookup));
}

} // namespace

std::vector<OpCase> op_table() {
    std::vector<OpCase> table;
    add_convolutions(table);
    add_linear(table);
    table.push_back(group_norm_case(2, 3, 5, 8, 0, 4, false, false));
    table.push_back(group_norm_case(1, 7, 3, 6, 3, 3, true, true));
    table.push_back(group_norm_case(2, 4, 4, 16, 16, 8, true, true));
    table.push_back(group_norm_case(1, 20, 17, 7, 0, 1, false, true));
    table.push_back(group_norm_case(3, 1, 2, 5, 0, 5, true, false));
    add_attention(table);
    add_elementwise(table);
    return table;
}

} // namespace heat
