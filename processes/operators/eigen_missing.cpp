#include "processes/operators/eigen_missing.h"

#include "kernels/error.h"

#include <fmt/format.h>

namespace heat::processes {

void throw_eigen_missing(const char* solver) {
    throw Error(
        fmt::format("the {} solver needs Eigen, which this build lacks: install libeigen3-dev and build "
                    "again, or choose spectral or iterative",
                    solver));
}

} // namespace heat::processes
