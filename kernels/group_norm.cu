#include "kernels/group_norm.h"
#include "kernels/group_norm_layout.h"
#include "kernels/math.h"
#include "kernels/parallel.h"
#include "kernels/silu_rows.h"

#include <algorithm>
#include <string>
#include <type_traits>

// Between launches stand sums per (image, row chunk, channel) in the workspace. Forward is two launches,
// backward three, or each one more where a launch of its own combines the chunks of each image into
// coefficients per channel. The two inputs are walked one after the other, so that inner loops run over
// contiguous memory.

namespace heat::kernels {

namespace {

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

/// What normalises an image: y = act((x − center)·scale + beta) per channel; subtracting first keeps the
/// digits of inputs far from zero. Writes the image's statistics where `saved` is not null.
template <class T>
struct Moments {
    Layout layout;
    GroupNormInput<T> input;
    float epsilon;
    const float* partial;

    /// `sums` is scratch of 2·channels.
    template <class Team>
    HEAT_HD void find(Team& team, int image, float* sums, float* center, float* scale, float* saved) const {
        const Layout l = layout;
        const int channels = l.channels(), per_group = channels / l.groups, rows = l.rows;
        combine_chunks<2>(team, l, image, partial, sums);
        team.sync();

        const T* shift = input.shift ? input.shift + int64_t(image) * channels : nullptr;
        channel_moments(team, image, input.x, 0, l.channels_x, shift, sums, center, scale);
        channel_moments(team, image, input.skip, l.channels_x, l.channels_skip, shift, sums, center, scale);
        team.sync();

        const float e = epsilon;
        const float* gamma = input.gamma;
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
            if (saved) {
                saved[2 * g] = mean;
                saved[2 * g + 1] = rstd;
            }
        });
    }

private:
    /// Per channel of u: its mean, in `mean`, and its sum of squares about that, in `squares`.
    template <class Team>
    HEAT_HD void channel_moments(Team& team, int image, const T* part, int first, int width, const T* shift,
                                 const float* sums, float* mean, float* squares) const {
        const T* reference = part + int64_t(image) * layout.rows * width;
        const float* in = sums + 2 * first;
        const float inverse = 1.f / float(layout.rows);
        team.for_each(width, [=](int c) {
            const float distance = in[c] * inverse; // of the mean from the reference
            mean[first + c] = distance + to_float(reference[c]) + (shift ? to_float(shift[first + c]) : 0.f);
            squares[first + c] = in[width + c] - in[c] * distance;
        });
    }
};

/// The rows of a chunk, normalised.
template <class T, bool Silu>
struct NormalizeRows {
    Layout layout;
    GroupNormInput<T> input;
    T* y;

    template <class Team>
    HEAT_HD void run(Team& team, const float* center, const float* scale) const {
        apply(team, input.x, 0, layout.channels_x, center, scale);
        apply(team, input.skip, layout.channels_x, layout.channels_skip, center, scale);
    }

private:
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
        if constexpr (!std::is_same_v<Team,
                                      SerialTeam>) { // 16 bytes an access, where all of them are aligned
            constexpr int V = 16 / int(sizeof(T));
            if (is_wide<V>(width, channels, first) && is_aligned(in) && is_aligned(out))
                return team.rows(layout.row_count(team.index()), width / V, [=](int r, int j) {
                    const Vec<T, V> x = load<V>(in + r * width + j * V);
                    Vec<T, V> result;
                    for (int k = 0; k < V; ++k) {
                        const int c = j * V + k;
                        const float z = (to_float(x.v[k]) - m[c]) * a[c] + b[c];
                        result.v[k] = from_float<T>(Silu ? silu(z) : z);
                    }
                    store<V>(out + r * channels + j * V, result);
                });
        }
        team.rows(layout.row_count(team.index()), width, [=](int r, int c) {
            const float z = (to_float(in[r * width + c]) - m[c]) * a[c] + b[c];
            out[r * channels + c] = from_float<T>(Silu ? silu(z) : z);
        });
    }
};

/// A chunk: its image's moments, then its rows.
template <class T, bool Silu>
struct Normalize {
    Moments<T> moments;
    NormalizeRows<T, Silu> rows;
    float* statistics;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const Layout l = moments.layout;
        const int image = l.image(team.index());
        float* sums = team.template shared<float>(2 * l.channels());
        float* center = team.template shared<float>(l.channels());
        float* scale = team.template shared<float>(l.channels());
        float* saved = team.index() % l.chunks == 0 ? statistics + int64_t(image) * l.groups * 2 : nullptr;
        moments.find(team, image, sums, center, scale, saved);
        team.sync();
        rows.run(team, center, scale);
    }
};

/// An image's moments into `coefficients`, images × {center, scale} × channels. One team per image.
template <class T>
struct ImageMoments {
    Moments<T> moments;
    float *coefficients, *statistics;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int channels = moments.layout.channels();
        float* sums = team.template shared<float>(2 * channels);
        float* center = coefficients + int64_t(team.index()) * 2 * channels;
        moments.find(team, team.index(), sums, center, center + channels,
                     statistics + int64_t(team.index()) * moments.layout.groups * 2);
    }
};

/// A chunk by the coefficients of its image.
template <class T, bool Silu>
struct NormalizeChunk {
    NormalizeRows<T, Silu> rows;
    const float* coefficients;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int channels = rows.layout.channels();
        const float* center = coefficients + int64_t(rows.layout.image(team.index())) * 2 * channels;
        rows.run(team, center, center + channels);
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
HEAT_HD void load_statistics(Team& team, const Layout& l, int image, const float* statistics, const T* shifts,
                             float* center, float* rstd) {
    const int per_group = l.channels() / l.groups;
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
        load_statistics(team, l, l.image(team.index()), statistics, input.shift, center, rstd);
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

/// Per channel of an image, for du = gain·dz − constant − slope·normalized, normalized = (x − center)·rstd.
struct GradientCoefficients {
    float *center, *rstd, *gain, *constant, *slope;

    static constexpr int arrays = 5;
    HEAT_HD static GradientCoefficients in(float* memory, int channels) {
        return {memory, memory + channels, memory + 2 * channels, memory + 3 * channels,
                memory + 4 * channels};
    }
};

/// du = rstd·(γ·dz − mean(γ·dz) − normalized·mean(γ·dz·normalized)), means over the group: its coefficients.
/// Also, where `writes`, the image's sums for γ and β, and the shift's gradient Σ_r du.
template <class T>
struct Slopes {
    Layout layout;
    GroupNormInput<T> input;
    const float *statistics, *partial;
    float* image_sums; ///< images × {Σ dz, Σ dz·normalized} × channels
    T* d_shift;

    /// `sums` is scratch of 3·channels.
    template <class Team>
    HEAT_HD void find(Team& team, int image, float* sums, GradientCoefficients k, bool writes) const {
        const Layout l = layout;
        const int channels = l.channels(), per_group = channels / l.groups, rows = l.rows;
        combine_chunks<3>(team, l, image, partial, sums);
        load_statistics(team, l, image, statistics, input.shift, k.center, k.rstd);
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
                k.gain[c] = gamma[c] * k.rstd[c];
                k.constant[c] = k.rstd[c] * mean * inverse;
                k.slope[c] = k.rstd[c] * correlation * inverse;
            }
        });
        team.sync();

        if (!writes) return;
        float* out = image_sums + int64_t(image) * 2 * channels;
        team.for_each(channels, [=](int c) {
            out[c] = sums[l.slot(3, 0, c)];
            out[channels + c] = sums[l.slot(3, 1, c)];
        });
        if (!d_shift) return;
        T* d = d_shift + int64_t(image) * channels;
        team.for_each(channels, [=](int c) {
            d[c] = from_float<T>(k.gain[c] * sums[l.slot(3, 0, c)] - float(rows) * k.constant[c] -
                                 k.slope[c] * sums[l.slot(3, 2, c)]);
        });
    }
};

/// The gradients of a chunk's rows.
template <class T, bool Silu>
struct GradientRows {
    Layout layout;
    GroupNormInput<T> input;
    const T* dy;
    T *d_x, *d_skip;

    template <class Team>
    HEAT_HD void run(Team& team, GradientCoefficients k) const {
        if (d_x) apply(team, input.x, d_x, 0, layout.channels_x, k);
        if (d_skip) apply(team, input.skip, d_skip, layout.channels_x, layout.channels_skip, k);
    }

private:
    template <class Team>
    HEAT_HD void apply(Team& team, const T* part, T* d_part, int first, int width,
                       GradientCoefficients k) const {
        const int channels = layout.channels();
        const T* in = part + layout.offset(team.index(), width);
        const T* gradient = dy + layout.offset(team.index(), channels) + first;
        T* out = d_part + layout.offset(team.index(), width);
        const float *m = k.center + first, *s = k.rstd + first, *gain = k.gain + first;
        const float *constant = k.constant + first, *slope = k.slope + first;
        const float *gamma = input.gamma + first, *beta = input.beta + first;
        const auto gradient_of = [=](float x, float dy_of_x, int c) {
            const float normalized = (x - m[c]) * s[c];
            const float dz = through_activation<Silu>(dy_of_x, normalized, gamma[c], beta[c]);
            return gain[c] * dz - constant[c] - slope[c] * normalized;
        };
        if constexpr (!std::is_same_v<Team, SerialTeam>) {
            constexpr int V = 16 / int(sizeof(T));
            if (is_wide<V>(width, channels, first) && is_aligned(in) && is_aligned(gradient) &&
                is_aligned(out))
                return team.rows(layout.row_count(team.index()), width / V, [=](int r, int j) {
                    const Vec<T, V> x = load<V>(in + r * width + j * V);
                    const Vec<T, V> g = load<V>(gradient + r * channels + j * V);
                    Vec<T, V> result;
                    for (int i = 0; i < V; ++i)
                        result.v[i] =
                            from_float<T>(gradient_of(to_float(x.v[i]), to_float(g.v[i]), j * V + i));
                    store<V>(out + r * width + j * V, result);
                });
        }
        team.rows(layout.row_count(team.index()), width, [=](int r, int c) {
            out[r * width + c] = from_float<T>(
                gradient_of(to_float(in[r * width + c]), to_float(gradient[r * channels + c]), c));
        });
    }
};

/// A chunk: its image's coefficients, then its rows.
template <class T, bool Silu>
struct InputGradients {
    Slopes<T> slopes;
    GradientRows<T, Silu> rows;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const Layout l = slopes.layout;
        const int channels = l.channels();
        float* sums = team.template shared<float>(3 * channels);
        const GradientCoefficients k{
            team.template shared<float>(channels), team.template shared<float>(channels),
            team.template shared<float>(channels), team.template shared<float>(channels),
            team.template shared<float>(channels)};
        slopes.find(team, l.image(team.index()), sums, k, team.index() % l.chunks == 0);
        rows.run(team, k);
    }
};

/// An image's coefficients into memory, images × 5 × channels. One team per image.
template <class T>
struct ImageSlopes {
    Slopes<T> slopes;
    float* coefficients;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int channels = slopes.layout.channels();
        float* sums = team.template shared<float>(3 * channels);
        float* memory = coefficients + int64_t(team.index()) * GradientCoefficients::arrays * channels;
        slopes.find(team, team.index(), sums, GradientCoefficients::in(memory, channels), true);
    }
};

/// A chunk by the coefficients of its image.
template <class T, bool Silu>
struct ChunkGradients {
    GradientRows<T, Silu> rows;
    float* coefficients;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int channels = rows.layout.channels();
        float* memory =
            coefficients + int64_t(rows.layout.image(team.index())) * GradientCoefficients::arrays * channels;
        rows.run(team, GradientCoefficients::in(memory, channels));
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

bool whole_images(const Stream& stream, const GroupNormShape& shape) {
    return shape.schedule == GroupNormSchedule::whole_images ||
           (shape.schedule == GroupNormSchedule::automatic && stream.on_cuda);
}

template <class T, bool Silu>
void forward(const Stream& stream, const GroupNormShape& shape, const GroupNormInput<T>& input, T* y,
             float* statistics, float* workspace) {
    const bool whole = whole_images(stream, shape);
    const Layout l = layout_of(shape, whole);
    const int teams = shape.images * l.chunks, channels = shape.channels();
    float* partial = workspace;
    const Moments<T> moments{l, input, shape.epsilon, partial};
    const NormalizeRows<T, Silu> rows{l, input, y};
    parallel_teams(stream, teams, StatisticsSums<T>{l, input.x, input.skip, partial});
    if (!whole) {
        parallel_teams(stream, teams, Normalize<T, Silu>{moments, rows, statistics},
                       shared_floats(2 * channels) + 2 * shared_floats(channels));
        return;
    }
    float* coefficients = partial + int64_t(teams) * 2 * channels;
    parallel_teams(stream, shape.images, ImageMoments<T>{moments, coefficients, statistics},
                   shared_floats(2 * channels));
    parallel_teams(stream, teams, NormalizeChunk<T, Silu>{rows, coefficients});
}

template <class T, bool Silu>
void backward(const Stream& stream, const GroupNormShape& shape, const GroupNormInput<T>& input,
              const float* statistics, const T* dy, const GroupNormGradients<T>& d, float* workspace) {
    const bool whole = whole_images(stream, shape);
    const Layout l = layout_of(shape, whole);
    const int teams = shape.images * l.chunks, channels = shape.channels();
    float* image_sums = workspace;
    float* partial = image_sums + int64_t(shape.images) * 2 * channels;
    const Slopes<T> slopes{l, input, statistics, partial, image_sums, d.shift};
    const GradientRows<T, Silu> rows{l, input, dy, d.x, d.skip};
    parallel_teams(stream, teams, GradientSums<T, Silu>{l, input, statistics, dy, partial},
                   2 * shared_floats(channels));
    if (!whole) {
        parallel_teams(stream, teams, InputGradients<T, Silu>{slopes, rows},
                       shared_floats(3 * channels) + 5 * shared_floats(channels));
    } else {
        float* coefficients = partial + int64_t(teams) * 3 * channels;
        parallel_teams(stream, shape.images, ImageSlopes<T>{slopes, coefficients},
                       shared_floats(3 * channels));
        if (d.x || d.skip) parallel_teams(stream, teams, ChunkGradients<T, Silu>{rows, coefficients});
    }
    if (d.gamma || d.beta)
        parallel_teams(stream, (channels + parameter_block - 1) / parameter_block,
                       ParameterGradients{image_sums, shape.images, channels, d.gamma, d.beta},
                       shared_floats(2 * parameter_block));
}

} // namespace

size_t group_norm_workspace_bytes(const Stream& stream, const GroupNormShape& shape) {
    if (shape.rows == 0) return 0;
    const bool whole = whole_images(stream, shape);
    const int coefficients = whole ? GradientCoefficients::arrays : 0;
    return size_t(shape.images) * (3 * layout_of(shape, whole).chunks + 2 + coefficients) * shape.channels() *
           sizeof(float);
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
