#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/softmax.h"

#include <climits>
#include <string>
#include <type_traits>

namespace heat::kernels {

namespace {

/// One team per row.
template <class T>
struct SoftmaxForward {
    const float* x;
    T* y;
    int columns;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = columns;
        const float* in = x + int64_t(team.index()) * n;
        T* out = y + int64_t(team.index()) * n;
        const float largest = team.max(n, [=](int i) { return in[i]; });
        if constexpr (std::is_same_v<T, float>) {
            // sum() meets at a barrier before it returns, so every out[i] is visible to the loop after it.
            const float total = team.sum(n, [=](int i) {
                const float e = exp_f32(in[i] - largest);
                out[i] = e;
                return e;
            });
            const float inverse = 1.f / total;
            team.for_each(n, [=](int i) { out[i] *= inverse; });
        } else {
            // A 16-bit output cannot hold the numerators, so they are computed twice.
            const float total = team.sum(n, [=](int i) { return exp_f32(in[i] - largest); });
            const float inverse = 1.f / total;
            team.for_each(n, [=](int i) { out[i] = from_float<T>(exp_f32(in[i] - largest) * inverse); });
        }
    }
};

/// One team per row.
template <class T>
struct SoftmaxBackward {
    const T* y;
    const float* dy;
    T* dx;
    int columns;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = columns;
        const int64_t offset = int64_t(team.index()) * n;
        const T* p = y + offset;
        const float* g = dy + offset;
        T* out = dx + offset;
        const float dot = team.sum(n, [=](int i) { return to_float(p[i]) * g[i]; });
        team.for_each(n, [=](int i) { out[i] = from_float<T>(to_float(p[i]) * (g[i] - dot)); });
    }
};

int teams_for(int64_t rows) {
    if (rows > INT_MAX)
        throw Error("softmax takes up to 2147483647 rows, not " + std::to_string(rows) + "; lower the batch");
    return int(rows);
}

} // namespace

template <class T>
void softmax_forward(const Stream& stream, const float* x, T* y, int64_t rows, int columns) {
    parallel_teams(stream, teams_for(rows), SoftmaxForward<T>{x, y, columns});
}

template <class T>
void softmax_backward(const Stream& stream, const T* y, const float* dy, T* dx, int64_t rows, int columns) {
    parallel_teams(stream, teams_for(rows), SoftmaxBackward<T>{y, dy, dx, columns});
}

template void softmax_forward(const Stream&, const float*, float*, int64_t, int);
template void softmax_forward(const Stream&, const float*, bf16*, int64_t, int);
template void softmax_backward(const Stream&, const float*, const float*, float*, int64_t, int);
template void softmax_backward(const Stream&, const bf16*, const float*, bf16*, int64_t, int);

} // namespace heat::kernels
