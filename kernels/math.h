#pragma once

// Branch-free f32 functions that vectorise on the host without -ffast-math. Coefficients: Cephes (expf, logf)
// and least-maximum fits.

#include "kernels/portable.h"

#include <cmath>

namespace heat::kernels {

/// e^x. On the host: relative error about 1e-7 for |x| < 87, saturating beyond; on a card the hardware's
/// approximation.
HEAT_HD float exp_f32(float x) {
#if defined(__CUDA_ARCH__)
    return __expf(x);
#else
    x = x > 88.37f ? 88.37f : x;
    x = x < -87.33f ? -87.33f : x;
    const float z = x * 1.44269504f;
    const float n = (z + 12582912.f) - 12582912.f; // round to nearest through the mantissa
    float r = std::fma(n, -0.693359375f, x);
    r = std::fma(n, 2.12194440e-4f, r);
    float p = 1.9875691500e-4f;
    p = std::fma(p, r, 1.3981999507e-3f);
    p = std::fma(p, r, 8.3334519073e-3f);
    p = std::fma(p, r, 4.1665795894e-2f);
    p = std::fma(p, r, 1.6666665459e-1f);
    p = std::fma(p, r, 5.0000001201e-1f);
    p = std::fma(p, r * r, r + 1.f);
    return p * __builtin_bit_cast(float, (int32_t(n) + 127) << 23);
#endif
}

/// log x for 0 < x < infinity, absolute error about 1e-7.
HEAT_HD float log_f32(float x) {
    const uint32_t u = __builtin_bit_cast(uint32_t, x);
    const int e = int(u - 0x3f3504f3u) >> 23;
    const float f = __builtin_bit_cast(float, u - (uint32_t(e) << 23)) - 1.f;
    const float z = f * f;
    float p = 7.0376836292e-2f;
    p = fmaf(p, f, -1.1514610310e-1f);
    p = fmaf(p, f, 1.1676998740e-1f);
    p = fmaf(p, f, -1.2420140846e-1f);
    p = fmaf(p, f, 1.4249322787e-1f);
    p = fmaf(p, f, -1.6668057665e-1f);
    p = fmaf(p, f, 2.0000714765e-1f);
    p = fmaf(p, f, -2.4999993993e-1f);
    p = fmaf(p, f, 3.3333331174e-1f);
    p = p * f * z;
    p = fmaf(float(e), -2.12194440e-4f, p);
    p = fmaf(z, -.5f, p);
    return fmaf(float(e), 0.693359375f, f + p);
}

/// sin(pi r) and cos(pi r) for |r| <= 1/2, absolute error about 1e-7.
HEAT_HD float sin_pi_half(float r) {
    const float z = r * r;
    float p = 0.0775052607f;
    p = fmaf(p, z, -0.598217845f);
    p = fmaf(p, z, 2.55006742f);
    p = fmaf(p, z, -5.16770983f);
    p = fmaf(p, z, -8.74227766e-8f); // pi minus its nearest f32
    return fmaf(r, 3.14159274f, r * p);
}
HEAT_HD float cos_pi_half(float r) {
    const float z = r * r;
    float p = -0.0244206935f;
    p = fmaf(p, z, 0.234953925f);
    p = fmaf(p, z, -1.33521605f);
    p = fmaf(p, z, 4.05870962f);
    p = fmaf(p, z, -4.93480206f);
    return fmaf(p, z, 1.f);
}

/// Neither infinite nor NaN.
HEAT_HD bool is_finite(float x) {
    return (__builtin_bit_cast(uint32_t, x) & 0x7f800000u) != 0x7f800000u;
}

HEAT_HD float sigmoid(float x) {
    return 1.f / (1.f + exp_f32(-x));
}
/// SiLU x·sigmoid(x) and its derivative.
HEAT_HD float silu(float x) {
    return x * sigmoid(x);
}
HEAT_HD float silu_derivative(float x) {
    const float s = sigmoid(x);
    return s * (1.f + x * (1.f - s));
}

} // namespace heat::kernels
