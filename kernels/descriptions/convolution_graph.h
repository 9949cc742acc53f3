#pragma once

#include "kernels/convolution.h"
#include "kernels/descriptions/graph_tensor.h"

namespace heat::kernels {

enum class ConvolutionPass { forward, forward_bias, forward_residual, backward_data, backward_weights };
const char* name_of(ConvolutionPass);

/// A pass of a convolution as a graph. Of the three, x and w give y (forward), w and y give x, or x and y
/// give w. With a bias, `product` is what the convolution gives, and y = product + bias; with a residual too,
/// `summed` = product + residual, and y = summed + bias: the one order for which cuDNN has compiled kernels.
struct ConvolutionGraph {
    ConvolutionPass pass = ConvolutionPass::forward;
    GraphTensor x, w, y, bias, product, summed, residual;
    std::array<int64_t, 2> stride{}, pad_before{}, pad_after{}; ///< height, width
    static constexpr std::array<int64_t, 2> dilation{1, 1};

    /// Ids of the tensors.
    static constexpr int64_t x_id = 1, w_id = 2, y_id = 3, bias_id = 4, product_id = 5, summed_id = 6,
                             residual_id = 7;
};

/// x, y, residual and the bias are NHWC of `activations`, w is O KH KW I of `weights`; what lies between is
/// f32. cuDNN has compiled kernels only for a bias of y's type.
ConvolutionGraph convolution_graph(const ConvolutionShape&, Dtype activations, Dtype weights,
                                   ConvolutionPass);

} // namespace heat::kernels
