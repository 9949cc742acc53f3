#pragma once

#include "kernels/winograd/vector.h"

namespace heat::kernels::winograd {

/// One dimension of F(4, 3): four outputs of a three-tap filter from six inputs by six products instead of
/// twelve, with the points 0, ±1, ±2 and infinity (Lavin & Gray 2016, "Fast algorithms for convolutional
/// neural networks"). In f32 its error is some 1e-6; values rounded to bf16 at the points would lose two
/// digits more.
///
/// Each function reads values `step` apart and leaves its results in their place.
struct Tile4 {
    static constexpr int outputs = 4, inputs = 6;

    /// Bᵀ: six inputs to the six points.
    HEAT_HD static void input_line(Vector* v, int step) {
        const Vector d0 = v[0], d1 = v[step], d2 = v[2 * step], d3 = v[3 * step], d4 = v[4 * step],
                     d5 = v[5 * step];
        const Vector even = d4 - 4.f * d2, odd = d3 - 4.f * d1, even2 = d4 - d2, odd2 = 2.f * (d3 - d1);
        v[0] = 4.f * d0 + (d4 - 5.f * d2);
        v[step] = even + odd;
        v[2 * step] = even - odd;
        v[3 * step] = even2 + odd2;
        v[4 * step] = even2 - odd2;
        v[5 * step] = 4.f * d1 + (d5 - 5.f * d3);
    }

    /// Aᵀ: six points to four outputs, left in the first four places.
    HEAT_HD static void output_line(Vector* v, int step) {
        const Vector m0 = v[0], m1 = v[step], m2 = v[2 * step], m3 = v[3 * step], m4 = v[4 * step],
                     m5 = v[5 * step];
        const Vector s = m1 + m2, d = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
        v[0] = m0 + s + s2;
        v[step] = d + 2.f * d2;
        v[2 * step] = s + 4.f * s2;
        v[3 * step] = d + (8.f * d2 + m5);
    }

    /// A: gradients of four outputs, in the first four places, to the six points.
    HEAT_HD static void gradient_line(Vector* v, int step) {
        const Vector y0 = v[0], y1 = v[step], y2 = v[2 * step], y3 = v[3 * step];
        const Vector s = y0 + y2, d = y1 + y3, s2 = y0 + 4.f * y2, d2 = 2.f * y1 + 8.f * y3;
        v[step] = s + d;
        v[2 * step] = s - d;
        v[3 * step] = s2 + d2;
        v[4 * step] = s2 - d2;
        v[5 * step] = y3;
    }

    /// G: three filter taps, in the first three places, to the six points.
    HEAT_HD static void filter_line(Vector* v, int step) {
        constexpr float sixth = 1.f / 6.f;
        const Vector g0 = v[0], g1 = v[step], g2 = v[2 * step];
        const Vector s = -sixth * (g0 + g2), s2 = sixth * (0.25f * g0 + g2), d2 = (0.5f * sixth) * g1;
        v[0] = 0.25f * g0;
        v[step] = s - sixth * g1;
        v[2 * step] = s + sixth * g1;
        v[3 * step] = s2 + d2;
        v[4 * step] = s2 - d2;
        v[5 * step] = g2;
    }

    /// Gᵀ: gradients at the six points to those of the three taps, left in the first three places.
    HEAT_HD static void filter_gradient_line(Vector* v, int step) {
        constexpr float sixth = 1.f / 6.f;
        const Vector u0 = v[0], u1 = v[step], u2 = v[2 * step], u3 = v[3 * step], u4 = v[4 * step],
                     u5 = v[5 * step];
        const Vector s = -sixth * (u1 + u2), s2 = u3 + u4;
        v[0] = 0.25f * u0 + s + (0.25f * sixth) * s2;
        v[step] = sixth * (u2 - u1) + (0.5f * sixth) * (u3 - u4);
        v[2 * step] = s + sixth * s2 + u5;
    }
};

} // namespace heat::kernels::winograd
