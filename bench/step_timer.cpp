#include "bench/step_timer.h"

#include "bench/timing.h"

namespace heat::bench {

StepTimer::~StepTimer() {
    for (const kernels::TimeMark mark : marks_) kernels::release_time_mark(mark);
}

void StepTimer::mark() {
    if (device_ == Device::cuda)
        marks_.push_back(kernels::record_time_mark(stream_of(device_)));
    else
        times_.push_back(steady_seconds());
}

std::vector<double> StepTimer::seconds() const {
    std::vector<double> seconds;
    for (size_t i = 1; i < times_.size(); ++i) seconds.push_back(times_[i] - times_[i - 1]);
    for (size_t i = 1; i < marks_.size(); ++i)
        seconds.push_back(kernels::seconds_between(marks_[i - 1], marks_[i]));
    return seconds;
}

} // namespace heat::bench
