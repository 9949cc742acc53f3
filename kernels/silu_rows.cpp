#include "kernels/silu_rows.h"

#include "kernels/error.h"

#if defined(__AVX512BF16__)

#if !defined(__clang__)
// GCC 12's own header sets them off.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

namespace heat::kernels {
namespace {

/// z·1/(1 + 2^(−z·log2 e)). The power is split in an integer, which scalef applies (it saturates by itself),
/// and a fraction in −1/2..1/2, for a cubic of relative error 7.5e-5; rcp14 adds 6e-5.
__m512 silu(__m512 z) {
    const __m512 t = _mm512_mul_ps(z, _mm512_set1_ps(-1.44269504f));
    const __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(t, n);
    __m512 p = _mm512_set1_ps(0.0551717f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.2426111f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6932610f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.9999281f));
    const __m512 denominator = _mm512_add_ps(_mm512_set1_ps(1.f), _mm512_scalef_ps(p, n));
    return _mm512_mul_ps(z, _mm512_rcp14_ps(denominator));
}

/// Sixteen bf16 values, normalised.
__m256i step(__m256i x, __m512 center, __m512 scale, __m512 beta) {
    const __m512 value = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
    return (__m256i)_mm512_cvtneps_pbh(silu(_mm512_fmadd_ps(_mm512_sub_ps(value, center), scale, beta)));
}

} // namespace

bool has_silu_rows() {
    return true;
}

void silu_rows(const bf16* x, int rows, int width, const AffineColumns& k, bf16* y, int y_stride) {
    const int whole = width / 16 * 16;
    const auto mask = __mmask16((1u << (width - whole)) - 1u);
    for (int r = 0; r < rows; ++r, x += width, y += y_stride) {
        for (int c = 0; c < whole; c += 16) {
            const __m256i in = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + c));
            const __m256i out = step(in, _mm512_loadu_ps(k.center + c), _mm512_loadu_ps(k.scale + c),
                                     _mm512_loadu_ps(k.beta + c));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + c), out);
        }
        if (mask == 0) continue;
        const __m256i in = _mm256_maskz_loadu_epi16(mask, x + whole);
        const __m256i out =
            step(in, _mm512_maskz_loadu_ps(mask, k.center + whole),
                 _mm512_maskz_loadu_ps(mask, k.scale + whole), _mm512_maskz_loadu_ps(mask, k.beta + whole));
        _mm256_mask_storeu_epi16(y + whole, mask, out);
    }
}

} // namespace heat::kernels

#else

namespace heat::kernels {

bool has_silu_rows() {
    return false;
}

void silu_rows(const bf16*, int, int, const AffineColumns&, bf16*, int) {
    throw Error("silu_rows: this build's processor has no AVX512_BF16");
}

} // namespace heat::kernels

#endif
