#include "bench/timing.h"

#include "kernels/error.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace heat::bench {
namespace {

double quantile(const std::vector<double>& sorted, double q) {
    const double place = q * double(sorted.size() - 1);
    const auto below = size_t(place);
    const size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

} // namespace

double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Timing timing_of(std::vector<double> seconds, int64_t calls) {
    if (seconds.empty()) throw Error("a timing needs at least one sample, got none");
    std::sort(seconds.begin(), seconds.end());
    return {.median = quantile(seconds, 0.5),
            .least = seconds.front(),
            .most = seconds.back(),
            .lower_quartile = quantile(seconds, 0.25),
            .upper_quartile = quantile(seconds, 0.75),
            .repeats = int(seconds.size()),
            .calls = calls};
}

Timing measure(const std::function<Sample(int64_t)>& sample, const TimingOptions& options) {
    const double start = steady_seconds();
    int64_t calls = 1;
    (void)sample(calls); // plans are made and pages touched at the first call
    for (;;) {
        const Sample s = sample(calls);
        if (s.seconds >= options.min_seconds || s.calls >= int64_t(1) << 30) break;
        const double wanted = 1.2 * options.min_seconds / std::max(s.seconds / double(s.calls), 1e-10);
        calls = std::clamp(int64_t(std::ceil(wanted)), s.calls + 1, 10 * s.calls);
    }
    std::vector<double> seconds;
    int64_t made = 0;
    for (int i = 0; i < std::max(options.repeats, 1); ++i) {
        if (i >= 5 && steady_seconds() - start > options.budget_seconds) break;
        const Sample s = sample(calls);
        seconds.push_back(s.seconds / double(s.calls));
        made = s.calls;
    }
    return timing_of(std::move(seconds), made);
}

Timing measure_calls(const std::function<void()>& call, const TimingOptions& options) {
    return measure(
        [&](int64_t calls) {
            const double start = steady_seconds();
            for (int64_t i = 0; i < calls; ++i) call();
            return Sample{steady_seconds() - start, calls};
        },
        options);
}

} // namespace heat::bench
