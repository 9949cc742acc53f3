#pragma once

#include "kernels/winograd/vector.h"

namespace heat::kernels::winograd {

/// One dimension of F(3, 3): three outputs from five inputs by five products instead of nine, with the points
/// ±3/8, ±5/4 and infinity. Of all choices this loses least when the values at the points are rounded to
/// bf16: a normalised mean square error of 4e-5 for two dimensions, a tenth of Tile4's. With M(x) = (x² −
/// a²)(x² − b²), row p of Bᵀ holds the coefficients of M(x)/(x − p), row p of G is (1, p, p²)/M'(p), and Aᵀ
/// has the powers of p.
///
/// Each function reads values `step` apart and leaves its results in their place.
struct Tile3 {
    static constexpr int outputs = 3, inputs = 5;
    static constexpr float a = 0.375f, b = 1.25f, aa = a * a, bb = b * b;
    static constexpr float at_a = 1.f / (2.f * a * (aa - bb)),
                           at_b = 1.f / (2.f * b * (bb - aa)); ///< 1/M'(p)

    /// Bᵀ: five inputs to the five points.
    HEAT_HD static void input_line(Vector* v, int step) {
        const Vector d0 = v[0], d1 = v[step], d2 = v[2 * step], d3 = v[3 * step], d4 = v[4 * step];
        const Vector odd_a = d3 - bb * d1, even_a = d2 - bb * d0, odd_b = d3 - aa * d1, even_b = d2 - aa * d0;
        v[0] = odd_a + a * even_a;
        v[step] = odd_a - a * even_a;
        v[2 * step] = odd_b + b * even_b;
        v[3 * step] = odd_b - b * even_b;
        v[4 * step] = (d4 - (aa + bb) * d2) + (aa * bb) * d0;
    }

    /// Aᵀ: five points to three outputs, left in the first three places.
    HEAT_HD static void output_line(Vector* v, int step) {
        const Vector m0 = v[0], m1 = v[step], m2 = v[2 * step], m3 = v[3 * step], m4 = v[4 * step];
        const Vector s = m0 + m1, d = m0 - m1, s2 = m2 + m3, d2 = m2 - m3;
        v[0] = s + s2;
        v[step] = a * d + b * d2;
        v[2 * step] = aa * s + (bb * s2 + m4);
    }

    /// A: gradients of three outputs, in the first three places, to the five points.
    HEAT_HD static void gradient_line(Vector* v, int step) {
        const Vector y0 = v[0], y1 = v[step], y2 = v[2 * step];
        const Vector even_a = y0 + aa * y2, even_b = y0 + bb * y2;
        v[0] = even_a + a * y1;
        v[step] = even_a - a * y1;
        v[2 * step] = even_b + b * y1;
        v[3 * step] = even_b - b * y1;
        v[4 * step] = y2;
    }

    /// G: three filter taps, in the first three places, to the five points.
    HEAT_HD static void filter_line(Vector* v, int step) {
        const Vector g0 = v[0], g1 = v[step], g2 = v[2 * step];
        const Vector even_a = at_a * (g0 + aa * g2), odd_a = (at_a * a) * g1;
        const Vector even_b = at_b * (g0 + bb * g2), odd_b = (at_b * b) * g1;
        v[0] = odd_a + even_a;
        v[step] = odd_a - even_a;
        v[2 * step] = odd_b + even_b;
        v[3 * step] = odd_b - even_b;
        v[4 * step] = g2;
    }

    /// Gᵀ: gradients at the five points to those of the three taps, left in the first three places.
    HEAT_HD static void filter_gradient_line(Vector* v, int step) {
        const Vector u0 = v[0], u1 = v[step], u2 = v[2 * step], u3 = v[3 * step], u4 = v[4 * step];
        const Vector even_a = at_a * (u0 - u1), odd_a = (at_a * a) * (u0 + u1);
        const Vector even_b = at_b * (u2 - u3), odd_b = (at_b * b) * (u2 + u3);
        v[0] = even_a + even_b;
        v[step] = odd_a + odd_b;
        v[2 * step] = aa * even_a + (bb * even_b + u4);
    }
};

} // namespace heat::kernels::winograd
