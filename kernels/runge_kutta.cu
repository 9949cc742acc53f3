#include "kernels/parallel.h"
#include "kernels/runge_kutta.h"

namespace heat::kernels {

namespace {

/// The sum at one element; the unused rates have been dropped, so that those left are the first `count`.
struct CompactSum {
    RateSum sum;
    int count = 0;

    explicit CompactSum(const RateSum& all) {
        for (int j = 0; j < most_rates; ++j) {
            if (!all.rates[j]) continue;
            sum.rates[count] = all.rates[j];
            sum.coefficients[count++] = all.coefficients[j];
        }
    }
    HEAT_HD float at(int64_t e) const {
        float total = 0.f;
        for (int j = 0; j < count; ++j) total += sum.coefficients[j] * sum.rates[j][e];
        return total;
    }
};

struct Stage {
    const float* x;
    const float* steps;
    CompactSum sum;
    float* y;
    int elements;

    template <int V>
    HEAT_HD void at(int64_t first) const {
        for (int64_t e = first; e < first + V; ++e) y[e] = x[e] + steps[e / elements] * sum.at(e);
    }
};

struct ScaledSquares {
    const float* x;
    const float* y;
    const float* steps;
    CompactSum sum;
    float absolute, relative;
    float* out;
    int elements;

    template <class Team>
    HEAT_HD void operator()(Team& team) const {
        const int64_t first = int64_t(team.index()) * elements;
        const float *before = x + first, *after = y + first;
        const float step = steps[team.index()], atol = absolute, rtol = relative;
        const CompactSum rates = sum;
        float* result = out + team.index();
        const float total = team.sum(elements, [=](int e) {
            const float a = fabsf(before[e]), b = fabsf(after[e]);
            const float ratio = step * rates.at(first + e) / (atol + rtol * (a > b ? a : b));
            return ratio * ratio;
        });
        team.for_each(1, [=](int) { *result = total; });
    }
};

} // namespace

void runge_kutta_stage(const Stream& stream, const float* x, const float* steps, const RateSum& sum, float* y,
                       int images, int elements) {
    parallel_for<1>(stream, int64_t(images) * elements, Stage{x, steps, CompactSum(sum), y, elements});
}

void scaled_square_sums(const Stream& stream, const float* x, const float* y, const float* steps,
                        const RateSum& sum, float absolute, float relative, float* out, int images,
                        int elements) {
    parallel_teams(stream, images,
                   ScaledSquares{x, y, steps, CompactSum(sum), absolute, relative, out, elements});
}

} // namespace heat::kernels
