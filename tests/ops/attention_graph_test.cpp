#include "engine/ops/attention.h"
#include "engine/ops/loss.h"
#include "kernels/descriptions/attention_graph.h"
#include "tests/reference/values.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

namespace heat {
namespace {

using kernels::AttentionShape;
using kernels::GraphOperation;
using kernels::GraphTensor;
using kernels::OperationGraph;
namespace id = kernels::attention_id;
using Memory = std::map<int64_t, std::vector<double>>;

int64_t offset(const GraphTensor& t, int64_t n, int64_t h, int64_t r, int64_t c) {
    const auto at = [&](size_t axis, int64_t i) { return t.extents[axis] == 1 ? 0 : i * t.strides[axis]; };
    return at(0, n) + at(1, h) + at(2, r) + at(3, c);
}

const GraphTensor& tensor_of(const OperationGraph& g, int64_t name) {
    for (const GraphTensor& t : g.tensors)
        if (t.id == name) return t;
    FAIL("the graph has no tensor " << name);
    return g.tensors.front();
}

/// One operation by its definition, in double.
void interpret(const OperationGraph& g, const GraphOperation& o, Memory& memory) {
    using Kind = GraphOperation::Kind;
    const GraphTensor &a = tensor_of(g, o.a), &to = tensor_of(g, o.result);
    const std::vector<double>& in = memory.at(o.a);
    std::vector<double>& out = memory[o.result];
    const auto& e = to.extents;
    out.resize(size_t(offset(to, e[0] - 1, e[1] - 1, e[2] - 1, e[3] - 1)) + 1);
    for (int64_t n = 0; n < e[0]; ++n)
        for (int64_t h = 0; h < e[1]; ++h)
            for (int64_t r = 0; r < e[2]; ++r)
                for (int64_t c = 0; c < e[3]; ++c) {
                    double value = 0;
                    if (o.kind == Kind::product) {
                        const GraphTensor& b = tensor_of(g, o.b);
                        CHECK(a.extents[3] == b.extents[2]);
                        for (int64_t k = 0; k < a.extents[3]; ++k)
                            value += in[size_t(offset(a, n, h, r, k))] *
                                     memory.at(o.b)[size_t(offset(b, n, h, k, c))];
                    } else if (o.kind == Kind::sum) {
                        for (int64_t k = 0; k < a.extents[3]; ++k) value += in[size_t(offset(a, n, h, r, k))];
                    } else if (o.kind == Kind::transpose) {
                        value = in[size_t(offset(a, n, h, c, r))];
                    } else {
                        value = in[size_t(offset(a, n, h, r, c))];
                        const double b =
                            o.b ? memory.at(o.b)[size_t(offset(tensor_of(g, o.b), n, h, r, c))] : 0.0;
                        if (o.kind == Kind::multiply) value *= b;
                        if (o.kind == Kind::subtract) value -= b;
                        if (o.kind == Kind::exponential) value = std::exp(value);
                    }
                    out[size_t(offset(to, n, h, r, c))] = value;
                }
}

/// log Σ_j exp(scale·q_i·k_j) for each image, head and row.
std::vector<double> statistics(const AttentionShape& s, const std::vector<double>& q,
                               const std::vector<double>& k, double scale) {
    std::vector<double> result;
    const auto at = [&](int64_t n, int64_t t, int64_t h, int64_t d) {
        return size_t(((n * s.tokens + t) * s.heads + h) * s.depth + d);
    };
    for (int64_t n = 0; n < s.images; ++n)
        for (int64_t h = 0; h < s.heads; ++h)
            for (int64_t i = 0; i < s.tokens; ++i) {
                double sum = 0;
                for (int64_t j = 0; j < s.tokens; ++j) {
                    double product = 0;
                    for (int64_t d = 0; d < s.depth; ++d) product += q[at(n, i, h, d)] * k[at(n, j, h, d)];
                    sum += std::exp(scale * product);
                }
                result.push_back(std::log(sum));
            }
    return result;
}

void check_graph(const AttentionShape& s, bool deterministic) {
    CAPTURE(s.tokens);
    CAPTURE(s.heads);
    CAPTURE(s.depth);
    CAPTURE(deterministic);
    const Shape shape{s.images, s.tokens, s.heads * s.depth};
    const auto values = [&](uint64_t seed) {
        return reference::random_stored<float>(size_t(shape.count()), seed);
    };
    const auto q = values(1), k = values(2), v = values(3), dy = values(4);
    const auto variable = [&](const reference::Values<float>& x) {
        return Variable(Tensor::from_host(shape, x.stored, Device::cpu), true);
    };
    Tape tape;
    const Variable vq = variable(q), vk = variable(k), vv = variable(v);
    const Variable y = attention(vq, vk, vv, int(s.heads));
    // A squared error whose gradient at y is dy: Σ (y − target)², target = y − dy/2.
    std::vector<float> target = y.value().to_host();
    for (size_t i = 0; i < target.size(); ++i) target[i] -= dy.stored[i] / 2;
    tape.backward(squared_error(y, Tensor::from_host(shape, target, Device::cpu), Tensor(), 1.f).loss);

    const double scale = 1.0 / std::sqrt(double(s.depth));
    Memory memory{{id::q, q.exact},
                  {id::k, k.exact},
                  {id::v, v.exact},
                  {id::y, reference::widened(y.value().to_host())},
                  {id::statistics, statistics(s, q.exact, k.exact, scale)},
                  {id::scale, {scale}},
                  {id::one, {1.0}},
                  {id::dy, dy.exact}};
    const OperationGraph g = kernels::attention_backward_graph(s, deterministic);
    for (const GraphOperation& o : g.operations) interpret(g, o, memory);
    const auto check = [&](int64_t name, const Variable& x) {
        CHECK(reference::nmse(memory.at(name), reference::widened(x.gradient().to_host())) <= 1e-10);
    };
    check(id::dq, vq);
    check(id::dk, vk);
    check(id::dv, vv);
    CHECK(memory.contains(id::dq_sums) == !deterministic);
}

} // namespace

TEST_SUITE("ops") {
    TEST_CASE("attention graph: interpreted, it gives the op's gradients") {
        for (const bool deterministic : {false, true})
            for (const AttentionShape& s :
                 {AttentionShape{2, 5, 2, 8}, AttentionShape{1, 7, 1, 3}, AttentionShape{3, 1, 2, 4}})
                check_graph(s, deterministic);
    }

    TEST_CASE("attention graph: strides of the operands by hand") {
        // 2 images of 5 tokens, 3 heads of 8.
        const std::vector<GraphTensor> forward = kernels::attention_forward_tensors({2, 5, 3, 8});
        REQUIRE(forward.size() == 6);
        CHECK(forward[0] == GraphTensor{id::q, {2, 3, 5, 8}, {120, 8, 24, 1}, Dtype::bf16});
        CHECK(forward[3] == GraphTensor{id::y, {2, 3, 5, 8}, {120, 8, 24, 1}, Dtype::bf16});
        CHECK(forward[4] == GraphTensor{id::statistics, {2, 3, 5, 1}, {15, 5, 1, 1}, Dtype::f32});
        CHECK(forward[5].by_value);
        const OperationGraph backward = kernels::attention_backward_graph({2, 5, 3, 8}, false);
        CHECK(tensor_of(backward, id::k) == GraphTensor{id::k, {2, 3, 8, 5}, {120, 8, 1, 24}, Dtype::bf16});
        CHECK(tensor_of(backward, id::dq_sums) ==
              GraphTensor{id::dq_sums, {2, 3, 5, 8}, {120, 40, 8, 1}, Dtype::f32});
    }
}

} // namespace heat
