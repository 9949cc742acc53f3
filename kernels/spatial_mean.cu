#include "kernels/parallel.h"
#include "kernels/spatial_mean.h"

namespace heat::kernels {

namespace {

/// One team per image.
template <class T>
struct MeanForward {
    const T* x;
    T* y;
    int positions, channels;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int width = channels;
        const float share = 1.f / float(positions);
        const T* in = x + int64_t(team.index()) * positions * width;
        T* out = y + int64_t(team.index()) * width;
        float* sums = team.template shared<float>(width);
        team.template columns<1>(positions, width, sums, [=](int p, int c, auto add) {
            add(0, to_float(in[int64_t(p) * width + c]));
        });
        team.sync();
        team.for_each(width, [=](int c) { out[c] = from_float<T>(sums[c] * share); });
    }
};

template <class T>
struct MeanBackward {
    const T* dy;
    T* dx;
    int positions, channels;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int width = channels;
        const float share = 1.f / float(positions);
        const T* in = dy + int64_t(team.index()) * width;
        T* out = dx + int64_t(team.index()) * positions * width;
        team.rows(positions, width, [=](int p, int c) {
            out[int64_t(p) * width + c] = from_float<T>(to_float(in[c]) * share);
        });
    }
};

} // namespace

template <class T>
void spatial_mean_forward(const Stream& stream, const T* x, T* y, int images, int positions, int channels) {
    parallel_teams(stream, images, MeanForward<T>{x, y, positions, channels},
                   size_t(channels) * sizeof(float));
}

template <class T>
void spatial_mean_backward(const Stream& stream, const T* dy, T* dx, int images, int positions,
                           int channels) {
    parallel_teams(stream, images, MeanBackward<T>{dy, dx, positions, channels});
}

template void spatial_mean_forward(const Stream&, const float*, float*, int, int, int);
template void spatial_mean_forward(const Stream&, const bf16*, bf16*, int, int, int);
template void spatial_mean_backward(const Stream&, const float*, float*, int, int, int);
template void spatial_mean_backward(const Stream&, const bf16*, bf16*, int, int, int);

} // namespace heat::kernels
