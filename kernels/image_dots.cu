#include "kernels/image_dots.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

struct ImageDots {
    const float* x;
    const float* y;
    float* out;
    int elements;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const float* a = x + int64_t(team.index()) * elements;
        const float* b = y + int64_t(team.index()) * elements;
        float* result = out + team.index();
        const float total = team.sum(elements, [=](int e) { return a[e] * b[e]; });
        team.for_each(1, [=](int) { *result = total; });
    }
};

} // namespace

void image_dots(const Stream& stream, const float* x, const float* y, float* out, int images, int elements) {
    parallel_teams(stream, images, ImageDots{x, y, out, elements});
}

} // namespace heat::kernels
