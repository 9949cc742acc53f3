#include "kernels/memory.h"
#include "kernels/parallel.h"
#include "kernels/transform/fourier.h"

#include <cmath>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace heat::kernels {
namespace {

/// cos and sin of πk/2n for k = 0 … n, in the stream's memory, for the life of the process.
template <class T>
const T* twiddles(const Stream& stream, int n) {
    static std::mutex mutex;
    static auto& tables = *new std::map<std::pair<bool, int>, const T*>();
    const std::lock_guard<std::mutex> lock(mutex);
    const T*& entry = tables[{stream.on_cuda, n}];
    if (!entry) {
        std::vector<T> values;
        for (int k = 0; k <= n; ++k) {
            const double angle = 3.14159265358979323846 * k / (2.0 * n);
            values.push_back(T(std::cos(angle)));
            values.push_back(T(std::sin(angle)));
        }
        const size_t bytes = values.size() * sizeof(T);
        auto* memory = static_cast<T*>(allocate_device_memory(stream.on_cuda, bytes));
        copy_memory(stream, memory, values.data(), bytes, CopyKind::host_to_device);
        entry = memory;
    }
    return entry;
}

/// What both directions know: where things lie, and the factors of coefficients.
template <class T>
struct Places {
    TransformKind kind;
    int n, length;
    int64_t inner, lines, step, line_step;
    bool lines_beside;
    const T* cosine_sine;
    T first, rest; ///< factors of coefficient 0, or of an end, and of the others
    T end;         ///< of an end before the Fourier transform (DCT-I)

    HEAT_HD int64_t image_at(int64_t line, int j) const {
        return (line / inner * n + j) * inner + line % inner;
    }
    /// Which line and element thread i works on, neighbours on neighbours.
    HEAT_HD void split(int64_t i, int count, int64_t* line, int* t) const {
        *line = lines_beside ? i % lines : i / count;
        *t = int(lines_beside ? i / lines : i % count);
    }
    HEAT_HD bool is_end(int j) const { return j == 0 || j == n - 1; }
};

template <class T>
Places<T> places(const Stream& stream, const FourierAxis& axis, bool complex) {
    const double n = axis.n;
    Places<T> p{axis.kind,
                axis.n,
                axis.length(),
                axis.inner,
                axis.lines(),
                axis.step(),
                axis.line_step(complex),
                axis.lines_beside(),
                nullptr,
                T(1),
                T(1),
                T(1)};
    switch (axis.kind) {
    case TransformKind::dct2:
        p.first = T(std::sqrt(1.0 / n));
        p.rest = T(std::sqrt(2.0 / n));
        break;
    case TransformKind::dct3: // coefficients without their norms, over the length of the transform back
        p.first = T(std::sqrt(1.0 / n));
        p.rest = T(std::sqrt(0.5 / n));
        break;
    case TransformKind::dst1:
        p.rest = T(std::sqrt(0.5 / (n + 1)));
        break;
    default:
        p.rest = T(std::sqrt(0.5 / (n - 1)));
        p.end = T(axis.kind == TransformKind::trapezoid_dct1 ? 1.0 : std::sqrt(2.0));
        p.first = T(std::sqrt((axis.kind == TransformKind::trapezoid_dct1_inverse ? 0.5 : 0.25) / (n - 1)));
    }
    if (axis.kind == TransformKind::dct2 || axis.kind == TransformKind::dct3)
        p.cosine_sine = twiddles<T>(stream, axis.n);
    return p;
}

template <class T>
struct PrepareReal {
    Places<T> p;
    const T* x;
    T* packed;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        for (int v = 0; v < V; ++v) {
            int64_t line;
            int t;
            p.split(i + v, p.length, &line, &t);
            packed[t * p.step + line * p.line_step] = value(line, t);
        }
    }
    HEAT_HD T value(int64_t line, int t) const {
        if (p.kind == TransformKind::dct2) // even elements forwards, then odd ones backwards
            return x[p.image_at(line, 2 * t < p.n ? 2 * t : 2 * (p.n - 1 - t) + 1)];
        if (p.kind == TransformKind::dst1) { // 0, the line, 0, minus the line backwards
            if (t == 0 || t == p.n + 1) return T(0);
            return t <= p.n ? x[p.image_at(line, t - 1)] : -x[p.image_at(line, p.length - t - 1)];
        }
        const int j = t < p.n ? t : p.length - t; // the line, and its inner part backwards
        return x[p.image_at(line, j)] * (p.is_end(j) ? p.end : T(1));
    }
};

template <class T>
struct PrepareComplex { // DCT-III: V_k = e^{iπk/2n} (U_k − i U_{n−k})
    Places<T> p;
    const T* x;
    T* packed;
    int frequencies;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        for (int v = 0; v < V; ++v) {
            int64_t line;
            int k;
            p.split(i + v, frequencies, &line, &k);
            const T a = x[p.image_at(line, k)] * (k == 0 ? p.first : p.rest);
            const T b = k == 0 ? T(0) : x[p.image_at(line, p.n - k)] * p.rest;
            const T c = p.cosine_sine[2 * k], s = p.cosine_sine[2 * k + 1];
            T* out = packed + 2 * (k * p.step + line * p.line_step);
            out[0] = a * c + b * s;
            out[1] = 2 * k == p.n ? T(0) : a * s - b * c; // real in the middle: no rounding is left there
        }
    }
};

template <class T>
struct FinishComplex {
    Places<T> p;
    const T* packed;
    T* y;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        for (int v = 0; v < V; ++v) {
            int64_t line;
            int k;
            p.split(i + v, p.n, &line, &k);
            y[p.image_at(line, k)] = value(line, k);
        }
    }
    HEAT_HD T value(int64_t line, int k) const {
        if (p.kind == TransformKind::dct2) {
            const bool mirrored = 2 * k > p.n;
            const int m = mirrored ? p.n - k : k;
            const T* in = packed + 2 * (m * p.step + line * p.line_step);
            const T c = p.cosine_sine[2 * m], s = p.cosine_sine[2 * m + 1];
            return (mirrored ? in[0] * s - in[1] * c : in[0] * c + in[1] * s) * (k == 0 ? p.first : p.rest);
        }
        if (p.kind == TransformKind::dst1)
            return -packed[2 * ((k + 1) * p.step + line * p.line_step) + 1] * p.rest;
        return packed[2 * (k * p.step + line * p.line_step)] * (p.is_end(k) ? p.first : p.rest);
    }
};

template <class T>
struct FinishReal { // DCT-III
    Places<T> p;
    const T* packed;
    T* y;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        for (int v = 0; v < V; ++v) {
            int64_t line;
            int j;
            p.split(i + v, p.n, &line, &j);
            const int t = j % 2 == 0 ? j / 2 : p.n - 1 - j / 2;
            y[p.image_at(line, j)] = packed[t * p.step + line * p.line_step];
        }
    }
};

} // namespace

int FourierAxis::length() const {
    switch (kind) {
    case TransformKind::dct2:
    case TransformKind::dct3:
        return n;
    case TransformKind::dst1:
        return 2 * (n + 1);
    default:
        return 2 * (n - 1);
    }
}

template <class T>
void fourier_prepare(const Stream& stream, const FourierAxis& axis, const T* x, T* packed) {
    const Places<T> p = places<T>(stream, axis, axis.from_complex());
    if (axis.from_complex())
        parallel_for<1>(stream, axis.lines() * axis.frequencies(),
                        PrepareComplex<T>{p, x, packed, axis.frequencies()});
    else
        parallel_for<1>(stream, axis.lines() * axis.length(), PrepareReal<T>{p, x, packed});
}

template <class T>
void fourier_finish(const Stream& stream, const FourierAxis& axis, const T* packed, T* y) {
    const Places<T> p = places<T>(stream, axis, !axis.from_complex());
    if (axis.from_complex())
        parallel_for<1>(stream, axis.lines() * axis.n, FinishReal<T>{p, packed, y});
    else
        parallel_for<1>(stream, axis.lines() * axis.n, FinishComplex<T>{p, packed, y});
}

template void fourier_prepare(const Stream&, const FourierAxis&, const float*, float*);
template void fourier_prepare(const Stream&, const FourierAxis&, const double*, double*);
template void fourier_finish(const Stream&, const FourierAxis&, const float*, float*);
template void fourier_finish(const Stream&, const FourierAxis&, const double*, double*);

} // namespace heat::kernels
