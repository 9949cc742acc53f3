#include "engine/ops/attention.h"

#include "engine/profiler.h"
#include "kernels/attention.h"
#include "kernels/descriptions/graph_tensor.h"
#include "kernels/error.h"
#include "kernels/gemm.h"
#include "kernels/softmax.h"

#include <fmt/format.h>

#include <cmath>

namespace heat {
namespace {

struct Extents {
    int64_t n, t, c, heads;
    int64_t depth() const { return c / heads; }
    float scale() const { return 1.f / std::sqrt(float(depth())); }
    /// Heads of an N×T×C tensor, batch0 = image, batch1 = head; and of an N×heads×T×T score matrix.
    kernels::MatrixView rows() const { return {c, 1, t * c, depth()}; }
    kernels::MatrixView transposed() const { return {1, c, t * c, depth()}; }
    kernels::MatrixView scores() const { return {t, 1, heads * t * t, t * t}; }
    kernels::MatrixView scores_transposed() const { return {1, t, heads * t * t, t * t}; }
};

void product(const Extents& e, int64_t m, int64_t n, int64_t k, const Tensor& a, kernels::MatrixView a_view,
             const Tensor& b, kernels::MatrixView b_view, Tensor& d, kernels::MatrixView d_view,
             float alpha) {
    kernels::GemmShape g;
    g.m = m;
    g.n = n;
    g.k = k;
    g.batch0 = e.n;
    g.batch1 = e.heads;
    g.a = a_view;
    g.b = b_view;
    g.d = d_view;
    g.input = a.dtype();
    g.output = d.dtype();
    g.alpha = alpha;
    kernels::gemm(d.stream(), g, a.raw(), b.raw(), d.raw());
}

/// `products` products of the size of q·kᵀ and `per_score` operations on each score. Scores and weights are
/// temporaries that an attention need not store, so they move nothing.
OpWork work_of(const Extents& e, const Tensor& q, int arrays, int products, double per_score) {
    const double scores = double(e.n * e.heads) * double(e.t * e.t);
    return {double(arrays) * double(q.bytes()), scores * (2.0 * products * double(e.depth()) + per_score),
            fmt::format("{}, {} head{}", q.shape().text(), e.heads, e.heads == 1 ? "" : "s"), q.dtype()};
}

void backward(const Extents& e, const Variable& q, const Variable& k, const Variable& v,
              const Tensor& weights, const Tensor& dy) {
    const ProfileScope scope("attention backward", dy.device(), [&] { return work_of(e, dy, 7, 4, 4); });
    const auto like = [&](const Variable& x) { return Tensor(x.shape(), x.dtype(), x.device()); };
    Tensor dv = like(v);
    product(e, e.t, e.depth(), e.t, weights, e.scores_transposed(), dy, e.rows(), dv, e.rows(), 1.f);
    v.add_gradient(std::move(dv));

    Tensor d_weights(weights.shape(), Dtype::f32, dy.device());
    product(e, e.t, e.t, e.depth(), dy, e.rows(), v.value(), e.transposed(), d_weights, e.scores(), 1.f);
    Tensor d_scores(weights.shape(), weights.dtype(), dy.device());
    with_activation_type(weights.dtype(), [&]<class T>(T) {
        kernels::softmax_backward(dy.stream(), weights.data<T>(), d_weights.data<float>(), d_scores.data<T>(),
                                  e.n * e.heads * e.t, int(e.t));
    });
    Tensor dq = like(q), dk = like(k);
    product(e, e.t, e.depth(), e.t, d_scores, e.scores(), k.value(), e.rows(), dq, e.rows(), e.scale());
    product(e, e.t, e.depth(), e.t, d_scores, e.scores_transposed(), q.value(), e.rows(), dk, e.rows(),
            e.scale());
    q.add_gradient(std::move(dq));
    k.add_gradient(std::move(dk));
}

/// Products, a softmax and products again: on any device, any type.
Variable composed(const Extents& e, const Variable& query, const Variable& key, const Variable& value) {
    Tensor scores(Shape{e.n, e.heads, e.t, e.t}, Dtype::f32, query.device());
    product(e, e.t, e.t, e.depth(), query.value(), e.rows(), key.value(), e.transposed(), scores, e.scores(),
            e.scale());
    Tensor weights(scores.shape(), query.dtype(), query.device());
    with_activation_type(query.dtype(), [&]<class T>(T) {
        kernels::softmax_forward(scores.stream(), scores.data<float>(), weights.data<T>(),
                                 e.n * e.heads * e.t, int(e.t));
    });
    scores = Tensor();
    Tensor y(query.shape(), query.dtype(), query.device());
    product(e, e.t, e.depth(), e.t, weights, e.scores(), value.value(), e.rows(), y, e.rows(), 1.f);
    return make_result(std::move(y), wants_gradient({&query, &key, &value}),
                       [=](const Tensor& dy) { backward(e, query, key, value, weights, dy); });
}

/// The library's kernel for these operands, or null.
const kernels::FusedAttention* fused_for(const Extents& e, const Variable& query, const Variable& key,
                                         const Variable& value, bool training) {
    for (const Variable* x : {&query, &key, &value})
        if (!kernels::aligned_for_graph(x->value().raw())) return nullptr;
    const kernels::FusedAttention* fused =
        kernels::fused_attention(query.value().stream(), {e.n, e.t, e.heads, e.depth()}, query.dtype());
    return fused && (fused->has_backward() || !training) ? fused : nullptr;
}

Variable fused_attention(const kernels::FusedAttention& fused, const Extents& e, const Variable& query,
                         const Variable& key, const Variable& value) {
    const Device device = query.device();
    Tensor y(query.shape(), query.dtype(), device), statistics(Shape{e.n, e.heads, e.t}, Dtype::f32, device);
    fused.forward(y.stream(), query.value().raw(), key.value().raw(), value.value().raw(), y.raw(),
                  statistics.data<float>(), allocate(device, fused.forward_workspace_bytes()).get());
    return make_result(y, wants_gradient({&query, &key, &value}), [=, &fused](const Tensor& gradient) {
        const ProfileScope scope("attention backward", device, [&] { return work_of(e, gradient, 8, 5, 4); });
        Tensor dy = gradient;
        if (!kernels::aligned_for_graph(dy.raw())) { // part of a larger tensor
            dy = Tensor(gradient.shape(), gradient.dtype(), device);
            dy.copy_from(gradient);
        }
        const auto like = [&](const Variable& x) { return Tensor(x.shape(), x.dtype(), device); };
        Tensor dq = like(query), dk = like(key), dv = like(value);
        fused.backward(dy.stream(), query.value().raw(), key.value().raw(), value.value().raw(), y.raw(),
                       statistics.data<float>(), dy.raw(), dq.raw(), dk.raw(), dv.raw(),
                       allocate(device, fused.backward_workspace_bytes()).get());
        query.add_gradient(std::move(dq));
        key.add_gradient(std::move(dk));
        value.add_gradient(std::move(dv));
    });
}

} // namespace

Variable attention(const Variable& query, const Variable& key, const Variable& value, int heads) {
    const Shape& s = query.shape();
    if (s.rank() != 3) throw Error(fmt::format("attention: expected N×T×C, got {}", s.text()));
    expect_same("attention key", query.value(), key.value());
    expect_same("attention value", query.value(), value.value());
    if (heads < 1 || s[2] % heads)
        throw Error(fmt::format("attention: {} channels do not divide into {} heads", s[2], heads));
    const Extents e{s[0], s[1], s[2], heads};
    const ProfileScope scope("attention", query.device(), [&] { return work_of(e, query.value(), 4, 2, 4); });

    const bool training = wants_gradient({&query, &key, &value});
    if (const kernels::FusedAttention* fused = fused_for(e, query, key, value, training))
        return fused_attention(*fused, e, query, key, value);
    return composed(e, query, key, value);
}

} // namespace heat
