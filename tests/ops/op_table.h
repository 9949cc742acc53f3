#pragma once

// The oracles of the ops that bench/op_cases.h declares: each at small odd sizes, with the plain
// double-precision loops that say what it must give. The tests run the table whole: forward against the
// oracle, gradients against finite differences of the oracle, f32 and bf16, every device.

#include "bench/op_cases.h"

#include <functional>
#include <vector>

namespace heat {

using Arrays = std::vector<std::vector<double>>;

struct OracleCase {
    bench::OpCase op; ///< inputs and parameters are drawn from a standard normal
    std::function<std::vector<double>(const Arrays& inputs, const Arrays& parameters)> oracle;
    double f32_tolerance = 1e-7, bf16_tolerance = 1e-4; ///< of the NMSE, forward and backward
};

std::vector<OracleCase> op_table();

} // namespace heat
