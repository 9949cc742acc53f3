#include "kernels/guidance.h"
#include "kernels/parallel.h"

#include <cmath>

namespace heat::kernels {

namespace {

/// One team per image.
struct GuidedOutput {
    const float* conditional;
    const float* unconditional;
    const float* timesteps;
    float* y;
    int elements;
    GuidanceRule rule;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int n = elements;
        const int64_t offset = int64_t(team.index()) * n;
        const float* c = conditional + offset;
        const float* u = unconditional + offset;
        float* out = y + offset;
        const float t = timesteps[team.index()];
        const float w = t >= rule.first && t <= rule.last ? rule.scale : 1.f, rest = 1.f - w;
        float factor = 1.f;
        if (rule.rescale != 0.f && w != 1.f) {
            const float share = 1.f / float(n);
            const float mean_c = team.sum(n, [=](int i) { return c[i]; }) * share;
            const float mean_g = team.sum(n, [=](int i) { return w * c[i] + rest * u[i]; }) * share;
            const float square_c = team.sum(n, [=](int i) { return (c[i] - mean_c) * (c[i] - mean_c); });
            const float square_g = team.sum(n, [=](int i) {
                const float d = w * c[i] + rest * u[i] - mean_g;
                return d * d;
            });
            if (square_g > 0.f) factor = rule.rescale * sqrtf(square_c / square_g) + (1.f - rule.rescale);
        }
        team.for_each(n, [=](int i) { out[i] = factor * (w * c[i] + rest * u[i]); });
    }
};

} // namespace

void guided_output(const Stream& stream, const float* conditional, const float* unconditional,
                   const float* timesteps, float* y, int images, int elements, const GuidanceRule& rule) {
    parallel_teams(stream, images, GuidedOutput{conditional, unconditional, timesteps, y, elements, rule});
}

} // namespace heat::kernels
