#include "kernels/descriptions/attention_graph.h"

#include <utility>

namespace heat::kernels {
namespace {

namespace id = attention_id;
using Kind = GraphOperation::Kind;

/// q, k, v, y and their gradients: image, head, token, depth.
GraphTensor activations(const AttentionShape& s, int64_t name) {
    const int64_t channels = s.heads * s.depth;
    return {name,
            {s.images, s.heads, s.tokens, s.depth},
            {s.tokens * channels, s.depth, channels, 1},
            Dtype::bf16};
}

/// The same memory read as its transpose.
GraphTensor transposed(GraphTensor t) {
    std::swap(t.extents[2], t.extents[3]);
    std::swap(t.strides[2], t.strides[3]);
    return t;
}

/// f32 and contiguous.
GraphTensor matrix(const AttentionShape& s, int64_t name, int64_t columns) {
    return {name,
            {s.images, s.heads, s.tokens, columns},
            {s.heads * s.tokens * columns, s.tokens * columns, columns, 1},
            Dtype::f32};
}

GraphTensor scalar(int64_t name) {
    return {name, {1, 1, 1, 1}, {1, 1, 1, 1}, Dtype::f32, false, true};
}

/// Adds operations whose results are intermediate, and names these.
class Builder {
public:
    explicit Builder(OperationGraph& graph) : graph_(graph) {}

    int64_t add(Kind kind, int64_t a, int64_t b, GraphTensor result) {
        result.id = next_++;
        result.intermediate = true;
        graph_.tensors.push_back(result);
        graph_.operations.push_back({kind, a, b, result.id});
        return result.id;
    }
    void into(Kind kind, int64_t a, int64_t b, int64_t result) {
        graph_.operations.push_back({kind, a, b, result});
    }

private:
    OperationGraph& graph_;
    int64_t next_ = 100;
};

} // namespace

std::vector<GraphTensor> attention_forward_tensors(const AttentionShape& s) {
    return {activations(s, id::q), activations(s, id::k),        activations(s, id::v),
            activations(s, id::y), matrix(s, id::statistics, 1), scalar(id::scale)};
}

OperationGraph attention_backward_graph(const AttentionShape& s, bool deterministic) {
    OperationGraph g;
    // Products take the transposes of k and v as their right operands.
    g.tensors = {activations(s, id::q),
                 transposed(activations(s, id::k)),
                 transposed(activations(s, id::v)),
                 activations(s, id::y),
                 matrix(s, id::statistics, 1),
                 scalar(id::scale),
                 scalar(id::one),
                 activations(s, id::dy),
                 activations(s, id::dq),
                 activations(s, id::dk),
                 activations(s, id::dv),
                 matrix(s, id::row_sums, 1)};
    Builder builder(g);
    const GraphTensor scores = matrix(s, 0, s.tokens);
    GraphTensor scores_transposed = transposed(scores);
    scores_transposed.dtype = Dtype::bf16;

    const int64_t dy_y = builder.add(Kind::multiply, id::dy, id::y, matrix(s, 0, s.depth));
    const int64_t sums = builder.add(Kind::sum, dy_y, 0, matrix(s, 0, 1));
    builder.into(Kind::multiply, sums, id::one, id::row_sums); // what cuDNN matches has a factor here

    const int64_t products = builder.add(Kind::product, id::q, id::k, scores);
    const int64_t scaled = builder.add(Kind::multiply, products, id::scale, scores);
    const int64_t shifted = builder.add(Kind::subtract, scaled, id::statistics, scores);
    const int64_t p = builder.add(Kind::exponential, shifted, 0, scores);
    const int64_t p_transposed = builder.add(Kind::transpose, p, 0, scores_transposed);
    builder.into(Kind::product, p_transposed, id::dy, id::dv);

    const int64_t dp = builder.add(Kind::product, id::dy, id::v, scores);
    const int64_t centered = builder.add(Kind::subtract, dp, id::row_sums, scores);
    const int64_t weighted = builder.add(Kind::multiply, centered, p, scores);
    const int64_t ds = builder.add(Kind::multiply, weighted, id::scale, scores);
    const int64_t ds_transposed = builder.add(Kind::transpose, ds, 0, scores_transposed);
    builder.into(Kind::product, ds_transposed, id::q, id::dk);

    GraphTensor keys = activations(s, id::k);
    keys.dtype = Dtype::f32;
    const int64_t k = builder.add(Kind::transpose, id::k, 0, keys);
    if (deterministic) {
        builder.into(Kind::product, ds, k, id::dq);
    } else {
        g.tensors.push_back(matrix(s, id::dq_sums, s.depth));
        builder.into(Kind::product, ds, k, id::dq_sums);
        builder.into(Kind::convert, id::dq_sums, 0, id::dq);
    }
    return g;
}

} // namespace heat::kernels
