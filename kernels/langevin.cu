#include "kernels/langevin.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

struct LangevinStep {
    float* x;
    const float* score;
    const float* z;
    const float* score_squares;
    const float* noise_squares;
    float alpha, snr, noise;
    bool batch_norms;
    int images, elements;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float *squares_g = score_squares, *squares_z = noise_squares;
        float norm_g = sqrtf(squares_g[team.index()]), norm_z = sqrtf(squares_z[team.index()]);
        if (batch_norms) {
            norm_g = team.sum(images, [=](int i) { return sqrtf(squares_g[i]); }) / float(images);
            norm_z = team.sum(images, [=](int i) { return sqrtf(squares_z[i]); }) / float(images);
        }
        const float ratio = norm_g > 0.f ? snr * norm_z / norm_g : 0.f;
        const float step = 2.f * alpha * ratio * ratio, spread = noise * sqrtf(2.f * step);
        const int64_t first = int64_t(team.index()) * elements;
        float* state = x + first;
        const float *g = score + first, *random = z + first;
        team.for_each(elements, [=](int e) { state[e] += step * g[e] + spread * random[e]; });
    }
};

} // namespace

void langevin_step(const Stream& stream, float* x, const float* score, const float* z,
                   const float* score_squares, const float* noise_squares, float alpha, float snr,
                   float noise, bool batch_norms, int images, int elements) {
    parallel_teams(stream, images,
                   LangevinStep{x, score, z, score_squares, noise_squares, alpha, snr, noise, batch_norms,
                                images, elements});
}

} // namespace heat::kernels
