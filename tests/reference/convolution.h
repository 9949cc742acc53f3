#pragma once

#include <vector>

namespace heat::reference {

/// Cross-correlation over NHWC with OHWI weights; the same stride on both axes, each side padded by its own
/// zeros.
struct ConvolutionSizes {
    int n, h, w, c_in, c_out, kernel_h, kernel_w, stride;
    int pad_top, pad_left, pad_bottom, pad_right;

    int out_h() const { return (h + pad_top + pad_bottom - kernel_h) / stride + 1; }
    int out_w() const { return (w + pad_left + pad_right - kernel_w) / stride + 1; }
};

/// y[n,i,j,o] = bias[o] + Σ_{a,b,c} x[n, i·stride + a − pad_top, j·stride + b − pad_left, c]·weight[o,a,b,c];
/// an empty bias is none.
std::vector<double> convolution_forward(const ConvolutionSizes&, const std::vector<double>& x,
                                        const std::vector<double>& weight, const std::vector<double>& bias);
std::vector<double> convolution_backward_data(const ConvolutionSizes&, const std::vector<double>& weight,
                                              const std::vector<double>& dy);
std::vector<double> convolution_backward_weights(const ConvolutionSizes&, const std::vector<double>& x,
                                                 const std::vector<double>& dy);
std::vector<double> convolution_backward_bias(const ConvolutionSizes&, const std::vector<double>& dy);

} // namespace heat::reference
