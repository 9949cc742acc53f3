#include "kernels/embedding.h"
#include "kernels/parallel.h"

#include <cmath>

namespace heat::kernels {

namespace {

/// One team per image. Operations stand in the order of the usual frameworks, whose f32 rounding of the angle
/// (5e-5 at t = 1000) checkpoints were trained with.
struct SinusoidalEmbedding {
    const float* timesteps;
    float* y;
    int dimension;
    bool cosine_first;
    float frequency_shift;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int half = dimension / 2;
        float* row = y + int64_t(team.index()) * dimension;
        float* sines = cosine_first ? row + half : row;
        float* cosines = cosine_first ? row : row + half;
        const float t = timesteps[team.index()];
        // One frequency and shift 1 leave 0/0; the first frequency is 1 in every other case.
        const float divisor = float(half) - frequency_shift == 0.f ? 1.f : float(half) - frequency_shift;
        team.for_each(half, [=](int i) {
            const float angle = t * expf(-9.210340371976184f * float(i) / divisor); // ln(10000)
            sines[i] = sinf(angle);
            cosines[i] = cosf(angle);
        });
        team.for_each(dimension - 2 * half, [=](int i) { row[2 * half + i] = 0.f; });
    }
};

/// One team per looked-up row.
struct Lookup {
    const float* table;
    const int32_t* index;
    float* y;
    int width;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float* from = table + int64_t(index[team.index()]) * width;
        float* to = y + int64_t(team.index()) * width;
        team.for_each(width, [=](int j) { to[j] = from[j]; });
    }
};

/// One team per row of the table, which adds what was looked up from it: no two teams write to the same row.
struct LookupBackward {
    const float* dy;
    const int32_t* index;
    float* d_table;
    int count, width;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        float* to = d_table + int64_t(team.index()) * width;
        for (int i = 0; i < count; ++i) {
            if (index[i] != team.index()) continue;
            const float* from = dy + int64_t(i) * width;
            team.for_each(width, [=](int j) { to[j] += from[j]; });
            team.sync();
        }
    }
};

} // namespace

void sinusoidal_embedding(const Stream& stream, const float* timesteps, float* y, int images, int dimension,
                          bool cosine_first, float frequency_shift) {
    parallel_teams(stream, images,
                   SinusoidalEmbedding{timesteps, y, dimension, cosine_first, frequency_shift});
}

void embedding_lookup(const Stream& stream, const float* table, const int32_t* index, float* y, int count,
                      int width) {
    parallel_teams(stream, count, Lookup{table, index, y, width});
}

void embedding_backward(const Stream& stream, const float* dy, const int32_t* index, float* d_table,
                        int count, int rows, int width) {
    parallel_teams(stream, rows, LookupBackward{dy, index, d_table, count, width});
}

} // namespace heat::kernels
