#include "kernels/gemm.h"
#include "kernels/memory.h"
#include "kernels/parallel.h"
#include "kernels/transform/by_products.h"
#include "kernels/transform/matrices.h"

#include <map>
#include <mutex>
#include <tuple>
#include <vector>

namespace heat::kernels {

namespace {

/// interleaved_transform_matrix in the stream's memory. Matrices live as long as the process, like the plans
/// of a library.
template <class T>
const T* cached_matrix(const Stream& stream, TransformKind kind, int size, int channels) {
    using Key = std::tuple<bool, TransformKind, int, int>;
    static std::mutex mutex;
    static auto& matrices = *new std::map<Key, const T*>();
    const std::lock_guard<std::mutex> lock(mutex);
    const T*& entry = matrices[Key{stream.on_cuda, kind, size, channels}];
    if (!entry) {
        const std::vector<double> exact = interleaved_transform_matrix(kind, size, channels);
        const std::vector<T> values(exact.begin(), exact.end());
        const size_t bytes = values.size() * sizeof(T);
        auto* memory = static_cast<T*>(allocate_device_memory(stream.on_cuda, bytes));
        copy_memory(stream, memory, values.data(), bytes, CopyKind::host_to_device);
        entry = memory;
    }
    return entry;
}

/// y[o,k,i] = Σ_j D[k,j] x[o,j,i]: one team an outer index and block of the inner one.
struct AxisProduct {
    static constexpr int block = 64;

    const double *matrix, *x;
    double* y;
    int size, blocks;
    int64_t inner;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = size;
        const int64_t line = inner, outer = team.index() / blocks, first = team.index() % blocks * block;
        const int count = int(line - first < block ? line - first : block);
        const double* d = matrix;
        const double* from = x + outer * n * line + first;
        double* to = y + outer * n * line + first;
        team.rows(n, count, [=](int k, int i) {
            double sum = 0;
            for (int j = 0; j < n; ++j) sum += d[k * n + j] * from[j * line + i];
            to[k * line + i] = sum;
        });
    }
};

void axis_product(const Stream& stream, TransformKind kind, const double* x, double* y, int64_t outer, int n,
                  int64_t inner) {
    const int blocks = int((inner + AxisProduct::block - 1) / AxisProduct::block);
    parallel_teams(stream, int(outer * blocks),
                   AxisProduct{cached_matrix<double>(stream, kind, n, 1), x, y, n, blocks, inner});
}

} // namespace

template <>
void transform_by_products(const Stream& stream, TransformKind kind, const double* x, double* y,
                           int64_t images, int height, int width, int channels, double* workspace) {
    axis_product(stream, kind, x, workspace, images, height, int64_t(width) * channels);
    axis_product(stream, kind, workspace, y, images * height, width, channels);
}

template <>
void transform_by_products(const Stream& stream, TransformKind kind, const float* x, float* y, int64_t images,
                           int height, int width, int channels, float* workspace) {
    const int64_t line = int64_t(width) * channels;
    GemmShape columns; // along the height: Y = D·X for each image
    columns.strict_f32 = true;
    columns.m = columns.k = height;
    columns.n = line;
    columns.batch0 = images;
    columns.a.row = height;
    columns.b.row = columns.d.row = line;
    columns.b.batch0 = columns.d.batch0 = height * line;
    gemm(stream, columns, cached_matrix<float>(stream, kind, height, 1), x, workspace);

    // Along the width: Y = X·Dᵀ for all lines of all images. For few channels the zeros of D ⊗ I cost less
    // than products over strided planes.
    GemmShape rows;
    rows.strict_f32 = true;
    rows.m = images * height;
    rows.n = rows.k = line;
    rows.a.row = rows.d.row = line;
    rows.b.row = 1;
    rows.b.column = line;
    gemm(stream, rows, workspace, cached_matrix<float>(stream, kind, width, channels), y);
}

} // namespace heat::kernels
