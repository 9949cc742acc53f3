#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/scale_shift.h"

namespace heat::kernels {

namespace {

constexpr int chunk_rows = 64;   ///< rows that one team of the forward pass maps
constexpr int column_block = 64; ///< channels of which one team of the backward pass sums all rows

template <class T>
struct ScaleShiftForward {
    const T* x;
    const float* m;
    T* y;
    int64_t rows;
    int channels, chunks;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = team.index() / chunks, first = team.index() % chunks * chunk_rows, c = channels;
        const int count = rows - first < chunk_rows ? int(rows - first) : chunk_rows;
        const T* from = x + (int64_t(n) * rows + first) * c;
        const float* scale = m + int64_t(n) * 2 * c;
        const float* shift = scale + c;
        T* to = y + (int64_t(n) * rows + first) * c;
        team.rows(count, c, [=](int r, int k) {
            const int64_t i = int64_t(r) * c + k;
            to[i] = from_float<T>(silu(to_float(from[i]) * (1.f + scale[k]) + shift[k]));
        });
    }
};

template <class T>
struct ScaleShiftBackward {
    const T* x;
    const float* m;
    const T* dy;
    T* dx;
    float* dm;
    int64_t rows;
    int channels, blocks;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = team.index() / blocks, first = team.index() % blocks * column_block, c = channels;
        const int count = c - first < column_block ? c - first : column_block;
        const int64_t offset = int64_t(n) * rows * c + first;
        const T *from = x + offset, *given = dy + offset;
        T* to = dx + offset;
        const float* scale = m + int64_t(n) * 2 * c + first;
        const float* shift = scale + c;
        float* sums = team.template shared<float>(2 * column_block);
        team.template columns<2>(int(rows), count, sums, [=](int r, int k, auto add) {
            const int64_t i = int64_t(r) * c + k;
            const float value = to_float(from[i]), factor = 1.f + scale[k];
            const float g = to_float(given[i]) * silu_derivative(value * factor + shift[k]);
            to[i] = from_float<T>(g * factor);
            add(0, g * value);
            add(1, g);
        });
        team.sync();
        float* d_scale = dm + int64_t(n) * 2 * c + first;
        float* d_shift = d_scale + c;
        team.for_each(count, [=](int k) {
            d_scale[k] = sums[k];
            d_shift[k] = sums[count + k];
        });
    }
};

} // namespace

template <class T>
void scale_shift_silu_forward(const Stream& stream, const T* x, const float* m, T* y, int images,
                              int64_t rows, int channels) {
    const int chunks = int((rows + chunk_rows - 1) / chunk_rows);
    parallel_teams(stream, images * chunks, ScaleShiftForward<T>{x, m, y, rows, channels, chunks});
}

template <class T>
void scale_shift_silu_backward(const Stream& stream, const T* x, const float* m, const T* dy, T* dx,
                               float* dm, int images, int64_t rows, int channels) {
    const int blocks = (channels + column_block - 1) / column_block;
    parallel_teams(stream, images * blocks, ScaleShiftBackward<T>{x, m, dy, dx, dm, rows, channels, blocks},
                   2 * column_block * sizeof(float));
}

template void scale_shift_silu_forward(const Stream&, const float*, const float*, float*, int, int64_t, int);
template void scale_shift_silu_forward(const Stream&, const bf16*, const float*, bf16*, int, int64_t, int);
template void scale_shift_silu_backward(const Stream&, const float*, const float*, const float*, float*,
                                        float*, int, int64_t, int);
template void scale_shift_silu_backward(const Stream&, const bf16*, const float*, const bf16*, bf16*, float*,
                                        int, int64_t, int);

} // namespace heat::kernels
