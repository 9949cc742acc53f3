#pragma once

#include "kernels/convolution.h"

namespace heat::kernels {

/// columns[(n,i,j), (a,b,c)] = x[n, i·stride + a − pad_top, j·stride + b − pad_left, c], 0 outside, for
/// `images` images from x: a matrix of images·out_h·out_w rows and kernel_h·kernel_w·c_in columns.
template <class T>
void im2col(const Stream&, const ConvolutionShape&, int images, const T* x, T* columns);

/// The adjoint: dx[n,h,w,c] = Σ of the entries of d_columns that im2col read from there.
template <class T>
void col2im(const Stream&, const ConvolutionShape&, int images, const T* d_columns, T* dx);

} // namespace heat::kernels
