#pragma once

// How group normalisation divides images among teams; included by group_norm.cu alone.

#include "kernels/group_norm.h"
#include "kernels/portable.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace heat::kernels {

/// How teams share the work: image = team / chunks, rows from team % chunks · chunk_rows on.
struct Layout {
    int rows, chunks, chunk_rows;
    int channels_x, channels_skip, groups;

    HEAT_HD int channels() const { return channels_x + channels_skip; }
    HEAT_HD int image(int team) const { return team / chunks; }
    HEAT_HD int first_row(int team) const { return team % chunks * chunk_rows; }
    HEAT_HD int row_count(int team) const {
        const int rest = rows - first_row(team);
        return rest < chunk_rows ? rest : chunk_rows;
    }
    /// Offset of the team's first row in a tensor of `width` channels.
    HEAT_HD int64_t offset(int team, int width) const {
        return (int64_t(image(team)) * rows + first_row(team)) * width;
    }
    /// Sums of several kinds lie as [kind][channel] for the first input, then so for the second.
    HEAT_HD int slot(int kinds, int kind, int channel) const {
        return channel < channels_x ? kind * channels_x + channel
                                    : kinds * channels_x + kind * channels_skip + (channel - channels_x);
    }
};

/// Chunks of about 256 or 32 rows; at most 64, because their sums are added up one after the other.
inline Layout layout_of(const GroupNormShape& s, bool whole_images) {
    const int wanted =
        whole_images ? std::clamp((s.rows + 31) / 32, 1, 64) : std::clamp((s.rows + 255) / 256, 1, 64);
    const int chunk_rows = (s.rows + wanted - 1) / wanted;
    return {s.rows,  (s.rows + chunk_rows - 1) / chunk_rows, chunk_rows, s.channels_x, s.channels_skip,
            s.groups};
}

inline size_t shared_floats(int count) {
    return (sizeof(float) * size_t(count) + 63) / 64 * 64;
}

/// Adds up one input's sums over the chunks of an image, `stride` floats apart.
template <int Kinds, class Team>
HEAT_HD void combine_part(Team& team, const float* partial, int chunks, int stride, int width, float* sums) {
    team.template columns<Kinds>(chunks, width, sums, [=](int chunk, int c, auto add) {
        const float* in = partial + chunk * stride + c;
        for (int k = 0; k < Kinds; ++k) add(k, in[k * width]);
    });
}

template <int Kinds, class Team>
HEAT_HD void combine_chunks(Team& team, const Layout& l, int image, const float* partial, float* sums) {
    const int stride = Kinds * l.channels(), second = Kinds * l.channels_x;
    const float* first = partial + int64_t(image) * l.chunks * stride;
    combine_part<Kinds>(team, first, l.chunks, stride, l.channels_x, sums);
    combine_part<Kinds>(team, first + second, l.chunks, stride, l.channels_skip, sums + second);
}

/// Whether rows of `width` of `channels` channels, from channel `first` on, are made of V elements at a time.
template <int V>
HEAT_HD bool is_wide(int width, int channels, int first) {
    return width % V == 0 && channels % V == 0 && first % V == 0;
}
HEAT_HD bool is_aligned(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) % 16 == 0;
}

} // namespace heat::kernels
