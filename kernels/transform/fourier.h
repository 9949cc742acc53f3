#pragma once

// Cosine and sine transforms of an axis by the Fourier transform of real numbers, for libraries that know
// that alone: what comes before it and what follows. One source for both devices.

#include "kernels/transform.h"

namespace heat::kernels {

/// The lines of images along one axis: element j of line (o, i) is at (o·n + j)·inner + i.
struct FourierAxis {
    TransformKind kind = TransformKind::dct2;
    int n = 0;
    int64_t outer = 0, inner = 0;

    int64_t lines() const { return outer * inner; }
    /// Of the Fourier transform: n, or that of the lines continued evenly or oddly (DCT-I, DST-I).
    int length() const;
    int frequencies() const { return length() / 2 + 1; }
    /// Whether the Fourier transform goes from complex numbers to real ones (DCT-III), or the other way.
    bool from_complex() const { return kind == TransformKind::dct3; }
    /// Element t of the Fourier transform of line l is at t·step() + l·line_step(complex): lines lie beside
    /// each other where they do in the image.
    bool lines_beside() const { return inner >= 32; }
    int64_t step() const { return lines_beside() ? lines() : 1; }
    int64_t line_step(bool complex) const { return lines_beside() ? 1 : complex ? frequencies() : length(); }
};

/// Fills what the Fourier transform reads: lines() · length() numbers, or lines() · frequencies() pairs of
/// real and imaginary part. `length` must be above 1.
template <class T>
void fourier_prepare(const Stream&, const FourierAxis&, const T* x, T* packed);

/// Makes the result of what the Fourier transform wrote. Neither way is normalised: Σ_t v_t
/// e^{∓2πikt/length}.
template <class T>
void fourier_finish(const Stream&, const FourierAxis&, const T* packed, T* y);

} // namespace heat::kernels
