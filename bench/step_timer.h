#pragma once

#include "engine/device.h"
#include "kernels/time_mark.h"

#include <vector>

namespace heat::bench {

/// Seconds of steps that follow one another: by the clock on the CPU; on a card by marks in its stream, so
/// that the host runs ahead as it does in earnest.
class StepTimer {
public:
    explicit StepTimer(Device device) : device_(device) {}
    ~StepTimer();
    StepTimer(const StepTimer&) = delete;
    StepTimer& operator=(const StepTimer&) = delete;

    /// The first step begins, or one ends and the next begins.
    void mark();
    /// Of the steps between the marks. Waits for the device.
    std::vector<double> seconds() const;

private:
    Device device_;
    std::vector<double> times_;
    std::vector<kernels::TimeMark> marks_;
};

} // namespace heat::bench
