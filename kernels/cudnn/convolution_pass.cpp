#include "kernels/cudnn/backend.h"

namespace heat::kernels::cudnn {
namespace {

Descriptor convolution_descriptor(const ConvolutionGraph& g) {
    const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
    d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, int64_t(2));
    d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, g.pad_before);
    d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, g.pad_after);
    d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, g.dilation);
    d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, g.stride);
    d.finalize();
    return d;
}

/// product = x * w, dx = …, or dw = …: alpha 1, beta 0.
Descriptor convolution_operation(const ConvolutionGraph& g, const Descriptor& convolution,
                                 const Descriptor& x, const Descriptor& w, const Descriptor& y) {
    if (g.pass == ConvolutionPass::backward_data) {
        Descriptor d(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, convolution);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, x);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, w);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, y);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 1.f);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 0.f);
        d.finalize();
        return d;
    }
    if (g.pass == ConvolutionPass::backward_weights) {
        Descriptor d(CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, x);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, w);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, y);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 1.f);
        d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 0.f);
        d.finalize();
        return d;
    }
    Descriptor d(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution);
    d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, x);
    d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, w);
    d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, y);
    d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.f);
    d.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.f);
    d.finalize();
    return d;
}

/// sum = a + b.
Descriptor addition_operation(const Descriptor& addition, const Descriptor& a, const Descriptor& b,
                              const Descriptor& sum) {
    Descriptor d(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, addition);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    d.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, sum);
    d.finalize();
    return d;
}

} // namespace

std::optional<Plan> make_convolution_pass(const ConvolutionGraph& g, const Descriptor& device, MathMode mode,
                                          std::string* reason) {
    const auto add_parts = [&](std::vector<Descriptor>& parts) -> size_t {
        const auto add = [&](Descriptor d) -> size_t {
            parts.push_back(std::move(d));
            return parts.size() - 1;
        };
        const size_t x = add(tensor_descriptor(g.x)), w = add(tensor_descriptor(g.w)),
                     y = add(tensor_descriptor(g.y)), convolution = add(convolution_descriptor(g));
        const bool with_residual = g.pass == ConvolutionPass::forward_residual;
        if (g.pass != ConvolutionPass::forward_bias && !with_residual) {
            add(convolution_operation(g, parts[convolution], parts[x], parts[w], parts[y]));
            return 1;
        }
        const size_t product = add(tensor_descriptor(g.product)), bias = add(tensor_descriptor(g.bias)),
                     addition = add(pointwise_descriptor(CUDNN_POINTWISE_ADD));
        const size_t summed = with_residual ? add(tensor_descriptor(g.summed)) : product;
        const size_t residual = with_residual ? add(tensor_descriptor(g.residual)) : product;
        add(convolution_operation(g, parts[convolution], parts[x], parts[w], parts[product]));
        if (with_residual)
            add(addition_operation(parts[addition], parts[product], parts[residual], parts[summed]));
        add(addition_operation(parts[addition], parts[summed], parts[bias], parts[y]));
        return with_residual ? 3 : 2;
    };
    return make_plan(add_parts, device, mode, g.x.dtype, reason);
}

} // namespace heat::kernels::cudnn
