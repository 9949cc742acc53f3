#include "kernels/descriptions/convolution_graph.h"

namespace heat::kernels {
namespace {

/// n × c × h × w with channels innermost in memory.
GraphTensor channels_last(int64_t id, int64_t n, int64_t c, int64_t h, int64_t w, Dtype dtype) {
    return {id, {n, c, h, w}, {h * w * c, 1, w * c, c}, dtype};
}

} // namespace

const char* name_of(ConvolutionPass pass) {
    switch (pass) {
    case ConvolutionPass::forward:
        return "forward";
    case ConvolutionPass::forward_bias:
        return "forward with bias";
    case ConvolutionPass::forward_residual:
        return "forward with bias and residual";
    case ConvolutionPass::backward_data:
        return "backward data";
    case ConvolutionPass::backward_weights:
        return "backward weights";
    }
    return "";
}

ConvolutionGraph convolution_graph(const ConvolutionShape& s, Dtype activations, Dtype weights,
                                   ConvolutionPass pass) {
    using Graph = ConvolutionGraph;
    Graph g;
    g.pass = pass;
    g.x = channels_last(Graph::x_id, s.n, s.c_in, s.h, s.w, activations);
    g.w = channels_last(Graph::w_id, s.c_out, s.c_in, s.kernel_h, s.kernel_w, weights);
    g.y = channels_last(Graph::y_id, s.n, s.c_out, s.out_h(), s.out_w(), activations);
    const auto between = [&](int64_t id) {
        GraphTensor t = g.y;
        t.id = id;
        t.dtype = Dtype::f32;
        t.intermediate = true;
        return t;
    };
    if (pass == ConvolutionPass::forward_bias || pass == ConvolutionPass::forward_residual) {
        g.bias = channels_last(Graph::bias_id, 1, s.c_out, 1, 1, activations);
        g.product = between(Graph::product_id);
    }
    if (pass == ConvolutionPass::forward_residual) {
        g.summed = between(Graph::summed_id);
        g.residual = g.y;
        g.residual.id = Graph::residual_id;
    }
    g.stride = {s.stride, s.stride};
    g.pad_before = {s.pad_top, s.pad_left};
    g.pad_after = {s.pad_bottom, s.pad_right};
    return g;
}

} // namespace heat::kernels
