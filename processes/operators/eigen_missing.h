#pragma once

namespace heat::processes {

/// Throws the Error of a solver that needs Eigen, in a build without it.
[[noreturn]] void throw_eigen_missing(const char* solver);

} // namespace heat::processes
