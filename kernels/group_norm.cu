#include "kernels/group_norm.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/silu_rows.h"

#include <algorithm>
#include <string>
#include <type_traits>

// Forward is two launches, backward three; between them stand sums per (image, row chunk, channel) in the
// workspace. The two inputs are walked one after the other, so that inner loops run over contiguous memory.

namespace heat::kernels {

namespace {

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

/// Chunks of about 256 rows; at most 64, because every team of an image reads the sums of all its chunks.
Layout layout_of(const GroupNormShape& s) {
    const int wanted = std::clamp((s.rows + 255) / 256, 1, 64);
    const int chunk_rows = (s.rows + wanted - 1) / wanted;
    return {s.rows,  (s.rows + chunk_rows - 1) / chunk_rows, chunk_rows, s.channels_x, s.channels_skip,
            s.groups};
}

size_t shared_floats(int count) {
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
HEAT_HD void combine_chunks(Team& team, const Layout& l, const float* partial, float* sums) {
    const int stride = Kinds * l.channels(), second = Kinds * l.channels_x;
    const float* image = partial + int64_t(l.image(team.index())) * l.chunks * stride;
    combine_part<Kinds>(team, image, l.chunks, stride, l.channels_x, sums);
    combine_part<Kinds>(team, image + second, l.chunks, stride, l.channels_skip, sums + second);
}

/// Σ d and Σ d² over the chunk's rows, d = x − (row 0 of the image).
template <class T>
struct StatisticsSums {
    Layout layout;
    const T *x, *skip;
    float* partial;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const Layout l = layout;
        float* out = partial + int64_t(team.index()) * 2 * l.channels();
        sum_part(team, x, l.channels_x, out);
        sum_part(team, skip, l.channels_skip, out + 2 * l.channels_x);
    }

private:
    template <class Team>
    HEAT_HD void sum_part(Team& team, const T* part, int width, float* out) const {
        const T* in = part + layout.offset(team.index(), width);
        const T* reference = part + int64_t(layout.image(team.index())) * layout.rows * width;
        team.template columns<2>(layout.row_count(team.index()), width, out, [=](int r, int c, auto add) {
            const float d = to_float(in[r * width + c]) - to_float(reference[c]);
            add(0, d);
            add(1, d * d);
        });
    }
};

/// y = act((x − center)·scale + beta); subtracting first keeps the digits of inputs far from zero.
template <class T, bool Silu>
struct Normalize {
    Layout layout;
    GroupNormInput<T> input;
    float epsilon;
    const float* partial;
    float* statistics;
    T* y;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const Layout l = layout;
        const int channels = l.channels(), per_group = channels / l.groups, rows = l.rows;
        const int image = l.image(team.index());
        float* sums = team.template shared<float>(2 * channels);
        float* center = team.template shared<float>(channels);
        float* scale = team.template shared<float>(channels);
        combine_chunks<2>(team, l, partial, sums);
        team.sync();

        const T* shift = input.shift ? input.shift + int64_t(image) * channels : nullptr;
        channel_moments(team, input.x, 0, l.channels_x, shift, sums, center, scale);
        channel_moments(team, input.skip, l.channels_x, l.channels_skip, shift, sums, center, scale);
        team.sync();

        const float e = epsilon;
        const float* gamma = input.gamma;
        float* out = team.index() % l.chunks == 0 ? statistics + int64_t(image) * l.groups * 2 : nullptr;
        team.for_each(l.groups, [=](int g) {
            const int first = g * per_group, last = first + per_group;
            float mean = 0.f, squares = 0.f;
            for (int c = first; c < last; ++c) mean += center[c];
            mean /= float(per_group);
            for (int c = first; c < last; ++c) {
                const float distance = center[c] - mean;
                squares += scale[c] + float(rows) * distance * distance;
            }
            const float rstd = 1.f / sqrtf(squares / (float(rows) * float(per_group)) + e);
            for (int c = first; c < last; ++c) {
                center[c] = mean - (shift ? to_float(shift[c]) : 0.f);
                scale[c] = rstd * gamma[c];
            }
            if (out) {
                out[2 * g] = mean;
                out[2 * g + 1] = rstd;
            }
        });
        team.sync();

        apply(team, input.x, 0, l.channels_x, center, scale);
        apply(team, input.skip, l.channels_x, l.channels_skip, center, scale);
    }

private:
    /// Per channel of u: its mean, in `mean`, and its sum of squares about that, in `squares`.
    template <class Team>
    HEAT_HD void channel_moments(Team& team, const T* part, int first, int width, const T* shift,
                                 const float* sums, float* mean, float* squares) const {
        const T* reference = part + int64_t(layout.image(team.index())) * layout.rows * width;
        const float* in = sums + 2 * first;
        const float inverse = 1.f / float(layout.rows);
        team.for_each(width, [=](int c) {
            const float distance = in[c] * inverse; // of the mean from the reference
            mean[first + c] = distance + to_float(reference[c]) + (shift ? to_float(shift[first + c]) : 0.f);
            squares[first + c] = in[width + c] - in[c] * distance;
        });
    }

    template <class Team>
    HEAT_HD void apply(Team& team, const T* part, int first, int width, const float* center,
                       const float* scale) const {
        const int channels = layout.channels();
        const T* in = part + layout.offset(team.index(), width);
        T* out = y + layout.offset(team.index(), channels) + first;
        const float *m = center + first, *a = scale + first, *b = input.beta + first;
#if !defined(__CUDA_ARCH__)
        if constexpr (Silu && std::is_same_v<T, bf16> && std::is_same_v<Team, SerialTeam>)
            if (has_silu_rows())
                return silu_rows(in, layout.row_count(team.index()), width, {m, a, b}, out, channels);
#endif
        team.rows(layout.row_count(team.index()), width, [=](int r, int c) {
            const float z = (to_float(in[r * width + c]) - m[c]) * a[c] + b[c];
            out[r * channels + c] = from_float<T>(Silu ? silu(z) : z);
        });
    }
};

/// dz, the gradient before the activation; `normalized` is (u − mean)·rstd.
template <bool Silu>
HEAT_HD float through_activation(float dy, float normalized, float gamma, float beta) {
    if constexpr (Silu)
        return dy * silu_derivative(normalized * gamma + beta);
    else
        return dy;
}

/// Per channel, from the saved statistics: normalized = (x − center)·rstd.
template <class T, class Team>
HEAT_HD void load_statistics(Team& team, const Layout& l, const float* statistics, const T* shifts,
                             float* center, float* rstd) {
    const int image = l.image(team.index()), per_group = l.channels() / l.groups;
    const float* saved = statistics + int64_t(image) * l.groups * 2;
    const T* shift = shifts ? shifts + int64_t(image) * l.channels() : nullptr;
    team.for_each(l.groups, [=](int g) {
        for (int c = g * per_group; c < (g + 1) * per_group; ++c) {
            center[c] = saved[2 * g] - (shift ? to_float(shift[c]) : 0.f);
            rstd[c] = saved[2 * g + 1];
        }
    });
}

/// Σ dz, Σ dz·normalized and Σ normalized over the chunk's rows.
template <class T, bool Silu>
struct GradientSums {
    Layout layout;
    GroupNormInput<T> input;
    const float* statistics;
    const T* dy;
    float* partial;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const Layout l = layout;
        float* center = team.template shared<float>(l.channels());
        float* rstd = team.template shared<float>(l.channels());
        load_statistics(team, l, statistics, input.shift, center, rstd);
        team.sync();
        float* out = partial + int64_t(team.index()) * 3 * l.channels();
        sum_part(team, input.x, 0, l.channels_x, center, rstd, out);
        sum_part(team, input.skip, l.channels_x, l.channels_skip, center, rstd, out + 3 * l.channels_x);
    }

private:
    template <class Team>
    HEAT_HD void sum_part(Team& team, const T* part, int first, int width, const float* center,
                          const float* rstd, float* out) const {
        const int channels = layout.channels();
        const T* in = part + layout.offset(team.index(), width);
        const T* gradient = dy + layout.offset(team.index(), channels) + first;
        const float *m = center + first, *s = rstd + first;
        const float *gamma = input.gamma + first, *beta = input.beta + first;
        team.template columns<3>(layout.row_count(team.index()), width, out, [=](int r, int c, auto add) {
            const float normalized = (to_float(in[r * width + c]) - m[c]) * s[c];
            const float dz =
                through_activation<Silu>(to_float(gradient[r * channels + c]), normalized, gamma[c], beta[c]);
            add(0, dz);
            add(1, dz * normalized);
            add(2, normalized);
        });
    }
};

/// du = rstd·(γ·dz − mean(γ·dz) − normalized·mean(γ·dz·normalized)), means over the group. The team of an
/// image's first chunk also writes the image's sums for γ and β, and the shift's gradient Σ_r du.
template <class T, bool Silu>
struct InputGradients {
    Layout layout;
    GroupNormInput<T> input;
    const float* statistics;
    const T* dy;
    const float* partial;
    float* image_sums; ///< images × {Σ dz, Σ dz·normalized} × channels
    T *d_x, *d_skip, *d_shift;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const Layout l = layout;
        const int channels = l.channels(), per_group = channels / l.groups, rows = l.rows;
        const bool first_chunk = team.index() % l.chunks == 0;
        float* sums = team.template shared<float>(3 * channels);
        float* center = team.template shared<float>(channels);
        float* rstd = team.template shared<float>(channels);
        float* slope = team.template shared<float>(channels);
        float* constant = team.template shared<float>(channels);
        float* gain = team.template shared<float>(channels);
        combine_chunks<3>(team, l, partial, sums);
        load_statistics(team, l, statistics, input.shift, center, rstd);
        team.sync();

        const float* gamma = input.gamma;
        team.for_each(l.groups, [=](int g) {
            const int first = g * per_group, last = first + per_group;
            float mean = 0.f, correlation = 0.f;
            for (int c = first; c < last; ++c) {
                mean += gamma[c] * sums[l.slot(3, 0, c)];
                correlation += gamma[c] * sums[l.slot(3, 1, c)];
            }
            const float inverse = 1.f / (float(rows) * float(per_group));
            for (int c = first; c < last; ++c) {
                gain[c] = gamma[c] * rstd[c];
                constant[c] = rstd[c] * mean * inverse;
                slope[c] = rstd[c] * correlation * inverse;
            }
        });
        team.sync();

        if (first_chunk) {
            float* out = image_sums + int64_t(l.image(team.index())) * 2 * channels;
            team.for_each(channels, [=](int c) {
                out[c] = sums[l.slot(3, 0, c)];
                out[channels + c] = sums[l.slot(3, 1, c)];
            });
        }
        if (first_chunk && d_shift) {
            T* out = d_shift + int64_t(l.image(team.index())) * channels;
            team.for_each(channels, [=](int c) {
                out[c] = from_float<T>(gain[c] * sums[l.slot(3, 0, c)] - float(rows) * constant[c] -
                                       slope[c] * sums[l.slot(3, 2, c)]);
            });
        }
        const Coefficients k{center, rstd, gain, constant, slope};
        if (d_x) apply(team, input.x, d_x, 0, l.channels_x, k);
        if (d_skip) apply(team, input.skip, d_skip, l.channels_x, l.channels_skip, k);
    }

private:
    struct Coefficients {
        const float *center, *rstd, *gain, *constant, *slope;
    };

    template <class Team>
    HEAT_HD void apply(Team& team, const T* part, T* d_part, int first, int width, Coefficients k) const {
        const int channels = layout.channels();
        const T* in = part + layout.offset(team.index(), width);
        const T* gradient = dy + layout.offset(team.index(), channels) + first;
        T* out = d_part + layout.offset(team.index(), width);
        const float *m = k.center + first, *s = k.rstd + first, *gain = k.gain + first;
        const float *constant = k.constant + first, *slope = k.slope + first;
        const float *gamma = input.gamma + first, *beta = input.beta + first;
        team.rows(layout.row_count(team.index()), width, [=](int r, int c) {
            const float normalized = (to_float(in[r * width + c]) - m[c]) * s[c];
            const float dz =
                through_activation<Silu>(to_float(gradient[r * channels + c]), normalized, gamma[c], beta[c]);
            out[r * width + c] = from_float<T>(gain[c] * dz - constant[c] - slope[c] * normalized);
        });
    }
};

constexpr int parameter_block = 64;

/// d_gamma and d_beta += the image sums over the batch. One team per block of channels.
struct ParameterGradients {
    const float* image_sums;
    int images, channels;
    float *d_gamma, *d_beta;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int stride = channels, first = team.index() * parameter_block;
        const int count = stride - first < parameter_block ? stride - first : parameter_block;
        const float* in = image_sums + first;
        float* sums = team.template shared<float>(2 * parameter_block);
        team.template columns<2>(images, count, sums, [=](int image, int c, auto add) {
            const float* row = in + int64_t(image) * 2 * stride;
            add(0, row[c]);
            add(1, row[stride + c]);
        });
        team.sync();
        if (float* beta = d_beta) team.for_each(count, [=](int c) { beta[first + c] += sums[c]; });
        if (float* gamma = d_gamma) team.for_each(count, [=](int c) { gamma[first + c] += sums[count + c]; });
    }
};

void check(const GroupNormShape& s) {
    if (s.groups < 1 || s.channels() % s.groups != 0)
        throw Error("group_norm needs a number of groups that divides the channels; " +
                    std::to_string(s.groups) + " groups do not divide " + std::to_string(s.channels()) +
                    " channels");
}

template <class T, bool Silu>
void forward(const Stream& stream, const GroupNormShape& shape, const GroupNormInput<T>& input, T* y,
             float* statistics, float* partial) {
    const Layout l = layout_of(shape);
    const int teams = shape.images * l.chunks, channels = shape.channels();
    parallel_teams(stream, teams, StatisticsSums<T>{l, input.x, input.skip, partial});
    parallel_teams(stream, teams, Normalize<T, Silu>{l, input, shape.epsilon, partial, statistics, y},
                   shared_floats(2 * channels) + 2 * shared_floats(channels));
}

template <class T, bool Silu>
void backward(const Stream& stream, const GroupNormShape& shape, const GroupNormInput<T>& input,
              const float* statistics, const T* dy, const GroupNormGradients<T>& d, float* workspace) {
    const Layout l = layout_of(shape);
    const int teams = shape.images * l.chunks, channels = shape.channels();
    float* image_sums = workspace;
    float* partial = workspace + int64_t(shape.images) * 2 * channels;
    parallel_teams(stream, teams, GradientSums<T, Silu>{l, input, statistics, dy, partial},
                   2 * shared_floats(channels));
    parallel_teams(
        stream, teams,
        InputGradients<T, Silu>{l, input, statistics, dy, partial, image_sums, d.x, d.skip, d.shift},
        shared_floats(3 * channels) + 5 * shared_floats(channels));
    if (d.gamma || d.beta)
        parallel_teams(stream, (channels + parameter_block - 1) / parameter_block,
                       ParameterGradients{image_sums, shape.images, channels, d.gamma, d.beta},
                       shared_floats(2 * parameter_block));
}

} // namespace

size_t group_norm_workspace_bytes(const GroupNormShape& shape) {
    if (shape.rows == 0) return 0;
    return size_t(shape.images) * (3 * layout_of(shape).chunks + 2) * shape.channels() * sizeof(float);
}

template <class T>
void group_norm_forward(const Stream& stream, const GroupNormShape& shape, const GroupNormInput<T>& input,
                        T* y, float* statistics, void* workspace) {
    check(shape);
    if (shape.rows == 0) return;
    float* partial = static_cast<float*>(workspace);
    if (shape.silu)
        forward<T, true>(stream, shape, input, y, statistics, partial);
    else
        forward<T, false>(stream, shape, input, y, statistics, partial);
}

template <class T>
void group_norm_backward(const Stream& stream, const GroupNormShape& shape, const GroupNormInput<T>& input,
                         const float* statistics, const T* dy, const GroupNormGradients<T>& gradients,
                         void* workspace) {
    check(shape);
    if (shape.rows == 0) return;
    float* floats = static_cast<float*>(workspace);
    if (shape.silu)
        backward<T, true>(stream, shape, input, statistics, dy, gradients, floats);
    else
        backward<T, false>(stream, shape, input, statistics, dy, gradients, floats);
}

template void group_norm_forward(const Stream&, const GroupNormShape&, const GroupNormInput<float>&, float*,
                                 float*, void*);
template void group_norm_forward(const Stream&, const GroupNormShape&, const GroupNormInput<bf16>&, bf16*,
                                 float*, void*);
template void group_norm_backward(const Stream&, const GroupNormShape&, const GroupNormInput<float>&,
                                  const float*, const float*, const GroupNormGradients<float>&, void*);
template void group_norm_backward(const Stream&, const GroupNormShape&, const GroupNormInput<bf16>&,
                                  const float*, const bf16*, const GroupNormGradients<bf16>&, void*);

} // namespace heat::kernels
