#include "kernels/im2col.h"
#include "kernels/parallel.h"

namespace heat::kernels {
namespace {

/// One team copies the patches of one row of output positions, each kernel_h·kernel_w runs of c_in values.
template <class T>
struct GatherPatches {
    ConvolutionShape s;
    const T* x;
    T* columns;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int out_h = s.out_h(), out_w = s.out_w(), c_in = s.c_in, h = s.h, w = s.w;
        const int n = team.index() / out_h, i = team.index() % out_h;
        const int width = s.kernel_h * s.kernel_w * c_in;
        for (int j = 0; j < out_w; ++j) {
            T* row = columns + (int64_t(team.index()) * out_w + j) * width;
            for (int a = 0; a < s.kernel_h; ++a)
                for (int b = 0; b < s.kernel_w; ++b) {
                    const int y = i * s.stride + a - s.pad_top, z = j * s.stride + b - s.pad_left;
                    T* to = row + (a * s.kernel_w + b) * c_in;
                    if (y >= 0 && y < h && z >= 0 && z < w) {
                        const T* from = x + ((int64_t(n) * h + y) * w + z) * c_in;
                        team.for_each(c_in, [=](int c) { to[c] = from[c]; });
                    } else {
                        team.for_each(c_in, [=](int c) { to[c] = from_float<T>(0.f); });
                    }
                }
        }
    }
};

template <class T>
struct ScatterPatches {
    ConvolutionShape s;
    const T* d_columns;
    T* dx;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int out_h = s.out_h(), out_w = s.out_w(), c_in = s.c_in, h = s.h, w = s.w;
        const int n = team.index() / h, y = team.index() % h;
        const int width = s.kernel_h * s.kernel_w * c_in;
        float* total = team.template shared<float>(c_in);
        for (int z = 0; z < w; ++z) {
            team.sync();
            team.for_each(c_in, [=](int c) { total[c] = 0.f; });
            for (int a = 0; a < s.kernel_h; ++a)
                for (int b = 0; b < s.kernel_w; ++b) {
                    const int i = y + s.pad_top - a, j = z + s.pad_left - b;
                    if (i < 0 || j < 0 || i % s.stride || j % s.stride || i / s.stride >= out_h ||
                        j / s.stride >= out_w)
                        continue;
                    const int64_t row = (int64_t(n) * out_h + i / s.stride) * out_w + j / s.stride;
                    const T* from = d_columns + row * width + (a * s.kernel_w + b) * c_in;
                    team.sync();
                    team.for_each(c_in, [=](int c) { total[c] += to_float(from[c]); });
                }
            T* to = dx + ((int64_t(n) * h + y) * w + z) * c_in;
            team.sync();
            team.for_each(c_in, [=](int c) { to[c] = from_float<T>(total[c]); });
        }
    }
};

} // namespace

template <class T>
void im2col(const Stream& stream, const ConvolutionShape& s, int images, const T* x, T* columns) {
    parallel_teams(stream, images * s.out_h(), GatherPatches<T>{s, x, columns});
}

template <class T>
void col2im(const Stream& stream, const ConvolutionShape& s, int images, const T* d_columns, T* dx) {
    parallel_teams(stream, images * s.h, ScatterPatches<T>{s, d_columns, dx},
                   sizeof(float) * size_t(s.c_in) + 64);
}

template void im2col(const Stream&, const ConvolutionShape&, int, const float*, float*);
template void im2col(const Stream&, const ConvolutionShape&, int, const bf16*, bf16*);
template void col2im(const Stream&, const ConvolutionShape&, int, const float*, float*);
template void col2im(const Stream&, const ConvolutionShape&, int, const bf16*, bf16*);

} // namespace heat::kernels
