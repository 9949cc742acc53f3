#pragma once

#include "engine/variable.h"

namespace heat {

/// Zero padding of an image's four sides, in pixels.
struct Padding {
    int top = 0, left = 0, bottom = 0, right = 0;
    static Padding same(int all) { return {all, all, all, all}; }
};

/// 2-D convolution (cross-correlation) of x (N×H×W×I) with weight (O×KH×KW×I, an f32 master) plus bias (O;
/// may be undefined) plus residual (of the result's shape, may be undefined): N×H'×W'×O in x's type. Packed
/// weights are made once per update of the parameters. Throws Error where channels do not fit.
Variable conv2d(const Variable& x, const Parameter& weight, const Parameter& bias, int stride = 1,
                Padding padding = Padding::same(1), const Variable& residual = {});

} // namespace heat
