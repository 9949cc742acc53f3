#include "kernels/error.h"
#include "kernels/gemm.h"
#include "kernels/memory.h"
#include "kernels/transform.h"

#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace heat::kernels {

namespace {

/// D ⊗ I_channels in row-major order: the DCT-II along an axis whose elements are `channels` interleaved
/// values. For few channels the zeros cost less than products over strided planes.
std::vector<float> dct2_matrix(int size, int channels) {
    const double pi = 3.14159265358979323846;
    const int64_t side = int64_t(size) * channels;
    std::vector<float> matrix(size_t(side * side), 0.f);
    for (int64_t k = 0; k < size; ++k) {
        const double norm = std::sqrt((k ? 2.0 : 1.0) / size);
        for (int64_t j = 0; j < size; ++j) {
            // The cosine's period is 4·size quarter turns; reducing in integers keeps the angle exact.
            const int64_t turns = k * (2 * j + 1) % (4 * int64_t(size));
            const auto value = float(norm * std::cos(pi * double(turns) / (2.0 * size)));
            for (int64_t c = 0; c < channels; ++c)
                matrix[size_t((k * channels + c) * side + j * channels + c)] = value;
        }
    }
    return matrix;
}

/// The matrix in the stream's memory. Matrices live as long as the process, like the plans of a library.
const float* cached_matrix(const Stream& stream, int size, int channels) {
    using Key = std::tuple<bool, int, int>;
    static std::mutex mutex;
    static auto& matrices = *new std::map<Key, const float*>();
    const std::lock_guard<std::mutex> lock(mutex);
    const float*& entry = matrices[Key{stream.on_cuda, size, channels}];
    if (!entry) {
        const std::vector<float> values = dct2_matrix(size, channels);
        const size_t bytes = values.size() * sizeof(float);
        auto* memory = static_cast<float*>(allocate_device_memory(stream.on_cuda, bytes));
        copy_memory(stream, memory, values.data(), bytes, CopyKind::host_to_device);
        entry = memory;
    }
    return entry;
}

void transform(const Stream& stream, bool inverse, const float* x, float* y, int64_t images, int height,
               int width, int channels, float* workspace) {
    if (images < 0 || height < 1 || width < 1 || channels < 1)
        throw Error("DCT: expected positive sizes, got " + std::to_string(images) + " images of " +
                    std::to_string(height) + "×" + std::to_string(width) + "×" + std::to_string(channels));
    if (images == 0) return;
    const int64_t line = int64_t(width) * channels;

    GemmShape columns; // along the height: Y = D·X, or Dᵀ·X, for each image
    columns.m = columns.k = height;
    columns.n = line;
    columns.batch0 = images;
    columns.a.row = inverse ? 1 : height;
    columns.a.column = inverse ? height : 1;
    columns.b.row = columns.d.row = line;
    columns.b.batch0 = columns.d.batch0 = height * line;
    gemm(stream, columns, cached_matrix(stream, height, 1), x, workspace);

    GemmShape rows; // along the width: Y = X·Dᵀ, or X·D, for all lines of all images
    rows.m = images * height;
    rows.n = rows.k = line;
    rows.a.row = rows.d.row = line;
    rows.b.row = inverse ? line : 1;
    rows.b.column = inverse ? 1 : line;
    gemm(stream, rows, workspace, cached_matrix(stream, width, channels), y);
}

} // namespace

int64_t transform_workspace_floats(int64_t images, int height, int width, int channels) {
    return images * height * width * channels;
}

void dct2_forward(const Stream& stream, const float* x, float* y, int64_t images, int height, int width,
                  int channels, float* workspace) {
    transform(stream, false, x, y, images, height, width, channels, workspace);
}

void dct2_inverse(const Stream& stream, const float* x, float* y, int64_t images, int height, int width,
                  int channels, float* workspace) {
    transform(stream, true, x, y, images, height, width, channels, workspace);
}

double dct2_flops(int height, int width, int channels) {
    const double line = double(width) * channels;
    return 2.0 * height * line * (height + line);
}

} // namespace heat::kernels
