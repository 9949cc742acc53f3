#include "kernels/cross_entropy.h"
#include "kernels/math.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

/// One team per image.
struct ForwardRow {
    const float* logits;
    const int32_t* labels;
    float* per_image;
    int classes;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = classes;
        const float* in = logits + int64_t(team.index()) * n;
        float* out = per_image + team.index();
        const float asked = in[labels[team.index()]];
        const float largest = team.max(n, [=](int i) { return in[i]; });
        const float total = team.sum(n, [=](int i) { return exp_f32(in[i] - largest); });
        team.for_each(1, [=](int) { out[0] = log_f32(total) + (largest - asked); });
    }
};

/// One team for all.
struct Total {
    const float* per_image;
    float* loss;
    int images;
    float scale;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float* in = per_image;
        float* out = loss;
        const float factor = scale;
        const float total = team.sum(images, [=](int i) { return in[i]; });
        team.for_each(1, [=](int) { out[0] = factor * total; });
    }
};

struct BackwardRow {
    const float* logits;
    const int32_t* labels;
    const float* upstream;
    float* d;
    int classes;
    float scale;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = classes, label = labels[team.index()];
        const float* in = logits + int64_t(team.index()) * n;
        float* out = d + int64_t(team.index()) * n;
        const float factor = upstream[0] * scale;
        const float largest = team.max(n, [=](int i) { return in[i]; });
        const float total = team.sum(n, [=](int i) { return exp_f32(in[i] - largest); });
        const float inverse = 1.f / total;
        team.for_each(n, [=](int i) {
            out[i] = factor * (exp_f32(in[i] - largest) * inverse - (i == label ? 1.f : 0.f));
        });
    }
};

} // namespace

void cross_entropy_forward(const Stream& stream, const float* logits, const int32_t* labels, float* per_image,
                           float* loss, int images, int classes, float scale) {
    parallel_teams(stream, images, ForwardRow{logits, labels, per_image, classes});
    parallel_teams(stream, 1, Total{per_image, loss, images, scale});
}

void cross_entropy_backward(const Stream& stream, const float* logits, const int32_t* labels,
                            const float* upstream, float* d, int images, int classes, float scale) {
    parallel_teams(stream, images, BackwardRow{logits, labels, upstream, d, classes, scale});
}

} // namespace heat::kernels
