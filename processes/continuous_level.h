#pragma once

#include <functional>

namespace heat::processes {

/// log a and log s of one eigenvalue at a level that need not be whole, and their derivatives by the level.
struct ContinuousLevel {
    double log_a = 0, log_s = 0, log_a_slope = 0, log_s_slope = 0;
};

/// The tables of width 1 of a process that knows them between whole levels, for levels of 1..N.
using ContinuousLevels = std::function<ContinuousLevel(double level)>;

} // namespace heat::processes
