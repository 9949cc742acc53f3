#include "kernels/parallel.h"
#include "kernels/reduce.h"

#include <algorithm>

namespace heat::kernels {

namespace {

constexpr int chunk = 16384;     ///< elements one team sums
constexpr int column_block = 64; ///< columns one team combines
/// At most as many teams share the rows of column_sums; more of them are meant to give a GPU more blocks; not
/// measured.
constexpr int64_t row_chunks = 128, row_chunks_on_cuda = 512;

int64_t chunks_of(int64_t n) {
    return (n + chunk - 1) / chunk;
}

HEAT_HD int chunk_length(int64_t n, int64_t first) {
    return int(n - first < chunk ? n - first : chunk);
}

/// partial[t] = Σ x² of chunk t.
struct ChunkSquares {
    const float* x;
    int64_t n;
    float* partial;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int64_t first = int64_t(team.index()) * chunk;
        const float* in = x + first;
        float* out = partial + team.index();
        const float total = team.sum(chunk_length(n, first), [=](int i) { return in[i] * in[i]; });
        team.for_each(1, [=](int) { *out = total; });
    }
};

/// out[0] = Σ partial. One team.
struct CombineChunks {
    const float* partial;
    int count;
    float* out;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float* in = partial;
        float* result = out;
        const float total = team.sum(count, [=](int i) { return in[i]; });
        team.for_each(1, [=](int) { *result = total; });
    }
};

/// What an element's error counts, and the derivative of that: factor · slope.
struct Squared {
    static constexpr float factor = 2.f;
    HEAT_HD static float value(float error) { return error * error; }
    HEAT_HD static float slope(float error) { return error; }
};
struct Absolute {
    static constexpr float factor = 1.f;
    HEAT_HD static float value(float error) { return error < 0.f ? -error : error; }
    HEAT_HD static float slope(float error) { return error > 0.f ? 1.f : error < 0.f ? -1.f : 0.f; }
};

/// partial[t] = Σ Measure(prediction − target) of one chunk of one image, t = image · chunks + chunk.
template <class T, class Measure>
struct ChunkErrors {
    const T* prediction;
    const float* target;
    int64_t elements;
    int chunks;
    float* partial;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int64_t first = int64_t(team.index() % chunks) * chunk;
        const int64_t offset = team.index() / chunks * elements + first;
        const T* p = prediction + offset;
        const float* t = target + offset;
        float* out = partial + team.index();
        const float total = team.sum(chunk_length(elements, first),
                                     [=](int i) { return Measure::value(to_float(p[i]) - t[i]); });
        team.for_each(1, [=](int) { *out = total; });
    }
};

/// loss[0] = scale · Σ_i weight[i] · per_image[i]. One team.
struct WeightedSum {
    const float *per_image, *weight;
    float scale;
    int images;
    float* loss;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float *in = per_image, *w = weight;
        float* result = loss;
        const float factor = scale;
        const float total = w ? team.sum(images, [=](int i) { return w[i] * in[i]; })
                              : team.sum(images, [=](int i) { return in[i]; });
        team.for_each(1, [=](int) { *result = factor * total; });
    }
};

/// per_image from the chunks (unless that is what they are already), and the weighted loss. One team.
struct CombineErrors {
    const float *partial, *weight;
    float scale;
    int images, chunks;
    float *loss, *per_image;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float* in = partial;
        float* out = per_image;
        const int parts = chunks;
        if (in != out) {
            team.for_each(images, [=](int i) {
                float total = 0.f;
                for (int k = 0; k < parts; ++k) total += in[int64_t(i) * parts + k];
                out[i] = total;
            });
            team.sync();
        }
        WeightedSum{per_image, weight, scale, images, loss}(team);
    }
};

template <class T, class Measure>
struct ErrorGradient {
    const T* prediction;
    const float *target, *weight, *upstream;
    float scale;
    int64_t elements;
    int chunks;
    T* d_prediction;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int image = team.index() / chunks;
        const int64_t first = int64_t(team.index() % chunks) * chunk;
        const int64_t offset = image * elements + first;
        const T* p = prediction + offset;
        const float* t = target + offset;
        T* out = d_prediction + offset;
        const float factor = *upstream * Measure::factor * scale * (weight ? weight[image] : 1.f);
        team.for_each(chunk_length(elements, first),
                      [=](int i) { out[i] = from_float<T>(factor * Measure::slope(to_float(p[i]) - t[i])); });
    }
};

/// partial[t, c] = Σ x[r, c] over the rows of chunk t.
template <class T>
struct ChunkColumns {
    const T* x;
    int64_t rows;
    int columns, chunk_rows;
    float* partial;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int width = columns;
        const int64_t first = int64_t(team.index()) * chunk_rows;
        const int count = int(rows - first < chunk_rows ? rows - first : chunk_rows);
        const T* in = x + first * width;
        team.template columns<1>(
            count, width, partial + int64_t(team.index()) * width,
            [=](int r, int c, auto add) { add(0, to_float(in[int64_t(r) * width + c])); });
    }
};

/// out[c] += Σ partial[t, c]. One team per block of columns.
struct CombineColumns {
    const float* partial;
    int chunks, columns;
    float* out;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int width = columns, first = team.index() * column_block;
        const int count = width - first < column_block ? width - first : column_block;
        const float* in = partial + first;
        float* to = out + first;
        float* sums = team.template shared<float>(column_block);
        team.template columns<1>(chunks, count, sums,
                                 [=](int r, int c, auto add) { add(0, in[int64_t(r) * width + c]); });
        team.sync();
        team.for_each(count, [=](int c) { to[c] += sums[c]; });
    }
};

int rows_per_chunk(int64_t rows, bool on_cuda) {
    const int64_t chunks = on_cuda ? row_chunks_on_cuda : row_chunks;
    return int(std::max<int64_t>(64, (rows + chunks - 1) / chunks));
}

int column_chunks(int64_t rows, bool on_cuda) {
    const int each = rows_per_chunk(rows, on_cuda);
    return int((rows + each - 1) / each);
}

} // namespace

// A batch of images longer than a chunk has up to twice the chunks of the whole; shorter ones need no partial
// sums.
int64_t reduce_workspace_floats(int64_t n) {
    return 2 * chunks_of(n);
}

void sum_of_squares(const Stream& stream, const float* x, int64_t n, float* out, float* workspace) {
    const int chunks = int(chunks_of(n));
    parallel_teams(stream, chunks, ChunkSquares{x, n, workspace});
    parallel_teams(stream, 1, CombineChunks{workspace, chunks, out});
}

template <class T>
void weighted_error(const Stream& stream, LossKind kind, const T* prediction, const float* target,
                    const float* weight, float scale, int images, int64_t elements, float* loss,
                    float* per_image, float* workspace) {
    const int chunks = int(chunks_of(elements));
    float* partial = chunks == 1 ? per_image : workspace;
    if (kind == LossKind::squared)
        parallel_teams(stream, images * chunks,
                       ChunkErrors<T, Squared>{prediction, target, elements, chunks, partial});
    else
        parallel_teams(stream, images * chunks,
                       ChunkErrors<T, Absolute>{prediction, target, elements, chunks, partial});
    parallel_teams(stream, 1, CombineErrors{partial, weight, scale, images, chunks, loss, per_image});
}

template <class T>
void weighted_error_backward(const Stream& stream, LossKind kind, const T* prediction, const float* target,
                             const float* weight, float scale, const float* upstream, int images,
                             int64_t elements, T* d_prediction) {
    const int chunks = int(chunks_of(elements)), teams = images * chunks;
    if (kind == LossKind::squared)
        parallel_teams(stream, teams,
                       ErrorGradient<T, Squared>{prediction, target, weight, upstream, scale, elements,
                                                 chunks, d_prediction});
    else
        parallel_teams(stream, teams,
                       ErrorGradient<T, Absolute>{prediction, target, weight, upstream, scale, elements,
                                                  chunks, d_prediction});
}

void weighted_sum(const Stream& stream, const float* per_image, const float* weight, float scale, int images,
                  float* loss) {
    parallel_teams(stream, 1, WeightedSum{per_image, weight, scale, images, loss});
}

template <class T>
void column_sums(const Stream& stream, const T* x, int64_t rows, int columns, float* out, float* workspace) {
    const int chunks = column_chunks(rows, stream.on_cuda);
    parallel_teams(stream, chunks,
                   ChunkColumns<T>{x, rows, columns, rows_per_chunk(rows, stream.on_cuda), workspace});
    parallel_teams(stream, (columns + column_block - 1) / column_block,
                   CombineColumns{workspace, chunks, columns, out}, column_block * sizeof(float));
}

int64_t column_sums_workspace_floats(int64_t rows, int columns) {
    return int64_t(std::max(column_chunks(rows, false), column_chunks(rows, true))) * columns;
}

template void weighted_error(const Stream&, LossKind, const float*, const float*, const float*, float, int,
                             int64_t, float*, float*, float*);
template void weighted_error(const Stream&, LossKind, const bf16*, const float*, const float*, float, int,
                             int64_t, float*, float*, float*);
template void weighted_error_backward(const Stream&, LossKind, const float*, const float*, const float*,
                                      float, const float*, int, int64_t, float*);
template void weighted_error_backward(const Stream&, LossKind, const bf16*, const float*, const float*, float,
                                      const float*, int, int64_t, bf16*);
template void column_sums(const Stream&, const float*, int64_t, int, float*, float*);
template void column_sums(const Stream&, const bf16*, int64_t, int, float*, float*);

} // namespace heat::kernels
