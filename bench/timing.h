#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace heat::bench {

struct TimingOptions {
    int repeats = 11;            ///< samples
    double min_seconds = 1e-3;   ///< a sample calls the op as often as it takes to last this long
    double budget_seconds = 0.5; ///< no sample begins after this long, once there are five
};

/// Seconds of one call, over the samples.
struct Timing {
    double median = 0, least = 0, most = 0;
    double lower_quartile = 0, upper_quartile = 0;
    int repeats = 0;   ///< samples taken
    int64_t calls = 0; ///< in each sample

    /// The width of the middle half of the samples.
    double spread() const { return upper_quartile - lower_quartile; }
};

/// What one sample measured.
struct Sample {
    double seconds = 0;
    int64_t calls = 0;
};

/// The statistics of samples, in seconds a call; quantiles between two samples are interpolated. Throws
/// Error where there is none.
Timing timing_of(std::vector<double> seconds_per_call, int64_t calls);

/// Times something by the steady clock. `sample(n)` makes n calls, or a few more, and says how long they took
/// and how many they were. It is called with n growing until a sample is long enough, which warms up caches
/// and plans, and then for the samples that count.
Timing measure(const std::function<Sample(int64_t calls)>& sample, const TimingOptions& options);

/// The same for a plain call: a sample is a loop.
Timing measure_calls(const std::function<void()>& call, const TimingOptions& options);

/// Seconds by the steady clock.
double steady_seconds();

} // namespace heat::bench
