#include "kernels/parallel.h"
#include "kernels/resample.h"

namespace heat::kernels {

namespace {

/// Each coarse pixel times a factor to the four fine ones. One team per coarse row (n·h of them).
template <class T>
struct Spread {
    const T* coarse;
    T* fine;
    int w, c;
    float factor;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int channels = c;
        const float scale = factor;
        const int row = w * c;
        const T* in = coarse + int64_t(team.index()) * row;
        T* upper = fine + int64_t(team.index()) * 4 * row;
        T* lower = upper + 2 * row;
        team.rows(w, c, [=](int j, int k) {
            const T value = from_float<T>(to_float(in[j * channels + k]) * scale);
            upper[2 * j * channels + k] = value;
            upper[(2 * j + 1) * channels + k] = value;
            lower[2 * j * channels + k] = value;
            lower[(2 * j + 1) * channels + k] = value;
        });
    }
};

/// The sum of four fine pixels times a factor to each coarse one. One team per coarse row.
template <class T>
struct Gather {
    const T* fine;
    T* coarse;
    int w, c;
    float factor;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int channels = c;
        const float scale = factor;
        const int row = w * c;
        const T* upper = fine + int64_t(team.index()) * 4 * row;
        const T* lower = upper + 2 * row;
        T* out = coarse + int64_t(team.index()) * row;
        team.rows(w, c, [=](int j, int k) {
            const int left = 2 * j * channels + k, right = left + channels;
            const float sum = (to_float(upper[left]) + to_float(upper[right])) +
                              (to_float(lower[left]) + to_float(lower[right]));
            out[j * channels + k] = from_float<T>(sum * scale);
        });
    }
};

} // namespace

template <class T>
void upsample_nearest_forward(const Stream& stream, const T* x, T* y, int n, int h, int w, int c) {
    parallel_teams(stream, n * h, Spread<T>{x, y, w, c, 1.f});
}

template <class T>
void upsample_nearest_backward(const Stream& stream, const T* dy, T* dx, int n, int h, int w, int c) {
    parallel_teams(stream, n * h, Gather<T>{dy, dx, w, c, 1.f});
}

template <class T>
void average_pool_forward(const Stream& stream, const T* x, T* y, int n, int h, int w, int c) {
    parallel_teams(stream, n * (h / 2), Gather<T>{x, y, w / 2, c, 0.25f});
}

template <class T>
void average_pool_backward(const Stream& stream, const T* dy, T* dx, int n, int h, int w, int c) {
    parallel_teams(stream, n * (h / 2), Spread<T>{dy, dx, w / 2, c, 0.25f});
}

template void upsample_nearest_forward(const Stream&, const float*, float*, int, int, int, int);
template void upsample_nearest_forward(const Stream&, const bf16*, bf16*, int, int, int, int);
template void upsample_nearest_backward(const Stream&, const float*, float*, int, int, int, int);
template void upsample_nearest_backward(const Stream&, const bf16*, bf16*, int, int, int, int);
template void average_pool_forward(const Stream&, const float*, float*, int, int, int, int);
template void average_pool_forward(const Stream&, const bf16*, bf16*, int, int, int, int);
template void average_pool_backward(const Stream&, const float*, float*, int, int, int, int);
template void average_pool_backward(const Stream&, const bf16*, bf16*, int, int, int, int);

} // namespace heat::kernels
