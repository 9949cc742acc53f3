#include "kernels/elementwise.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/philox.h"

#include <algorithm>

namespace heat::kernels {

namespace {

struct Identity {
    HEAT_HD float operator()(float x) const { return x; }
};

struct Scale {
    float factor;
    HEAT_HD float operator()(float x) const { return x * factor; }
};

struct Silu {
    HEAT_HD float operator()(float x) const { return silu(x); }
};

struct SiluGradient {
    HEAT_HD float operator()(float x, float dy) const { return dy * silu_derivative(x); }
};

struct Add {
    HEAT_HD float operator()(float x, float y) const { return x + y; }
};

struct LinearCombination {
    float a, b;
    HEAT_HD float operator()(float x, float z) const { return a * x + b * z; }
};

struct Fill {
    float* y;
    float value;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        Vec<float, V> result;
        for (int k = 0; k < V; ++k) result.v[k] = value;
        store<V>(y + i, result);
    }
};

/// One team for each chunk of rows.
template <class T>
struct AddBias {
    static constexpr int chunk_rows = 64;

    const float* bias;
    T* y;
    int64_t rows;
    int columns;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int64_t first = int64_t(team.index()) * chunk_rows;
        const int count = int(rows - first < chunk_rows ? rows - first : chunk_rows);
        const int n = columns;
        T* to = y + first * n;
        const float* b = bias;
        team.rows(count, n, [=](int r, int c) {
            const int64_t i = int64_t(r) * n + c;
            to[i] = from_float<T>(to_float(to[i]) + b[c]);
        });
    }
};

/// y = f(x).
template <class X, class Y, class F>
struct Map {
    const X* x;
    Y* y;
    F f;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        const Vec<X, V> a = load<V>(x + i);
        Vec<Y, V> result;
        for (int k = 0; k < V; ++k) result.v[k] = from_float<Y>(f(to_float(a.v[k])));
        store<V>(y + i, result);
    }
};

/// y = f(x, z).
template <class X, class Z, class Y, class F>
struct Zip {
    const X* x;
    const Z* z;
    Y* y;
    F f;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        const Vec<X, V> a = load<V>(x + i);
        const Vec<Z, V> b = load<V>(z + i);
        Vec<Y, V> result;
        for (int k = 0; k < V; ++k) result.v[k] = from_float<Y>(f(to_float(a.v[k]), to_float(b.v[k])));
        store<V>(y + i, result);
    }
};

template <class T>
bool aligned(const T* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) % 16 == 0;
}

/// Accesses of 16 bytes of the largest type; single elements where a buffer starts inside another (a slice of
/// the flat gradient).
template <class F, class... T>
void launch(const Stream& stream, int64_t n, const F& f, const T*... buffers) {
    constexpr int width = int(16 / std::max({sizeof(T)...}));
    if ((aligned(buffers) && ...))
        parallel_for<width>(stream, n, f);
    else
        parallel_for<1>(stream, n, f);
}

/// One team per (image, run of blocks); a block is the four elements of one Philox counter.
template <class T>
struct Dropout {
    const T* x;
    T* y;
    int64_t elements;
    float rate;
    const uint32_t* state;
    uint32_t layer, image_offset;
    int runs;

    static constexpr int blocks_per_run = 1024;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int image = team.index() / runs, run = team.index() % runs;
        const int64_t first = int64_t(run) * blocks_per_run * 4;
        const int count = int(elements - first < blocks_per_run * 4 ? elements - first : blocks_per_run * 4);
        const T* in = x + image * elements + first;
        T* out = y + image * elements + first;
        const uint32_t seed_low = state[0], seed_high = state[1], step = state[2];
        const uint32_t image_word = image_offset + uint32_t(image),
                       word = purpose_word(Purpose::dropout, layer);
        const uint32_t first_block = uint32_t(first / 4);
        const float drop_below = rate, factor = 1.f / (1.f - rate);
        const int blocks = count / 4;
        team.for_each(blocks, [=](int b) {
            const PhiloxBlock bits =
                philox4x32_10(first_block + uint32_t(b), image_word, step, word, seed_low, seed_high);
            for (int k = 0; k < 4; ++k) {
                const float kept = to_float(in[4 * b + k]) * factor;
                out[4 * b + k] = from_float<T>(uniform_from_bits(bits.v[k]) < drop_below ? 0.f : kept);
            }
        });
        team.for_each(count - 4 * blocks, [=](int k) {
            const PhiloxBlock bits =
                philox4x32_10(first_block + uint32_t(blocks), image_word, step, word, seed_low, seed_high);
            const float kept = to_float(in[4 * blocks + k]) * factor;
            out[4 * blocks + k] = from_float<T>(uniform_from_bits(bits.v[k]) < drop_below ? 0.f : kept);
        });
    }
};

template <class T>
struct AddPerChannel {
    static constexpr int chunk_rows = 64;
    const T* x;
    const T* shift;
    T* y;
    int64_t rows;
    int channels, chunks;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = team.index() / chunks, first = team.index() % chunks * chunk_rows, c = channels;
        const int count = rows - first < chunk_rows ? int(rows - first) : chunk_rows;
        const T* from = x + (int64_t(n) * rows + first) * c;
        const T* add = shift + int64_t(n) * c;
        T* to = y + (int64_t(n) * rows + first) * c;
        team.rows(count, c, [=](int r, int k) {
            to[int64_t(r) * c + k] = from_float<T>(to_float(from[int64_t(r) * c + k]) + to_float(add[k]));
        });
    }
};

} // namespace

void fill(const Stream& stream, float* y, float value, int64_t n) {
    launch(stream, n, Fill{y, value}, y);
}

template <class From, class To>
void cast(const Stream& stream, const From* x, To* y, int64_t n) {
    launch(stream, n, Map<From, To, Identity>{x, y, {}}, x, y);
}

template <class T>
void linear_combination(const Stream& stream, float a, const T* x, float b, const T* z, T* y, int64_t n) {
    launch(stream, n, Zip<T, T, T, LinearCombination>{x, z, y, {a, b}}, x, z, y);
}

template <class T>
void accumulate(const Stream& stream, const T* x, float* y, int64_t n) {
    launch(stream, n, Zip<T, float, float, Add>{x, y, y, {}}, x, y);
}

template <class T>
void scale(const Stream& stream, const T* x, float factor, T* y, int64_t n) {
    launch(stream, n, Map<T, T, Scale>{x, y, {factor}}, x, y);
}

template <class T>
void add_per_channel(const Stream& stream, const T* x, const T* shift, T* y, int images, int64_t rows,
                     int channels) {
    const int chunks = int((rows + AddPerChannel<T>::chunk_rows - 1) / AddPerChannel<T>::chunk_rows);
    parallel_teams(stream, images * chunks, AddPerChannel<T>{x, shift, y, rows, channels, chunks});
}

template <class T>
void add_bias(const Stream& stream, const float* bias, T* y, int64_t rows, int columns) {
    constexpr int chunk = AddBias<T>::chunk_rows;
    parallel_teams(stream, int((rows + chunk - 1) / chunk), AddBias<T>{bias, y, rows, columns});
}

template <class T>
void silu_forward(const Stream& stream, const T* x, T* y, int64_t n) {
    launch(stream, n, Map<T, T, Silu>{x, y, {}}, x, y);
}

template <class T>
void silu_backward(const Stream& stream, const T* x, const T* dy, T* dx, int64_t n) {
    launch(stream, n, Zip<T, T, T, SiluGradient>{x, dy, dx, {}}, x, dy, dx);
}

template <class T>
void dropout(const Stream& stream, const T* x, T* y, int64_t images, int64_t elements, float rate,
             const uint32_t* state, uint32_t layer, uint32_t image_offset) {
    const int64_t run = Dropout<T>::blocks_per_run * 4;
    const int runs = int((elements + run - 1) / run);
    parallel_teams(stream, int(images) * runs,
                   Dropout<T>{x, y, elements, rate, state, layer, image_offset, runs});
}

template void cast(const Stream&, const float*, bf16*, int64_t);
template void cast(const Stream&, const bf16*, float*, int64_t);
template void linear_combination(const Stream&, float, const float*, float, const float*, float*, int64_t);
template void linear_combination(const Stream&, float, const bf16*, float, const bf16*, bf16*, int64_t);
template void accumulate(const Stream&, const float*, float*, int64_t);
template void accumulate(const Stream&, const bf16*, float*, int64_t);
template void scale(const Stream&, const float*, float, float*, int64_t);
template void scale(const Stream&, const bf16*, float, bf16*, int64_t);
template void add_per_channel(const Stream&, const float*, const float*, float*, int, int64_t, int);
template void add_per_channel(const Stream&, const bf16*, const bf16*, bf16*, int, int64_t, int);
template void add_bias(const Stream&, const float*, float*, int64_t, int);
template void add_bias(const Stream&, const float*, bf16*, int64_t, int);
template void silu_forward(const Stream&, const float*, float*, int64_t);
template void silu_forward(const Stream&, const bf16*, bf16*, int64_t);
template void silu_backward(const Stream&, const float*, const float*, float*, int64_t);
template void silu_backward(const Stream&, const bf16*, const bf16*, bf16*, int64_t);
template void dropout(const Stream&, const float*, float*, int64_t, int64_t, float, const uint32_t*, uint32_t,
                      uint32_t);
template void dropout(const Stream&, const bf16*, bf16*, int64_t, int64_t, float, const uint32_t*, uint32_t,
                      uint32_t);

} // namespace heat::kernels
