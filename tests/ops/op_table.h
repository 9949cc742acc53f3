#pragma once

// Every op declared once: how to call it, and the plain double-precision loops that say what it must give.
// The tests run the table whole: forward against the oracle, gradients against finite differences of the
// oracle, f32 and bf16, every device.

#include "engine/variable.h"

#include <functional>
#include <string>
#include <vector>

namespace heat {

using Arrays = std::vector<std::vector<double>>;

struct OpCase {
    std::string name;
    std::vector<Shape> inputs;     ///< activations, drawn from a standard normal
    std::vector<Shape> parameters; ///< f32 masters, likewise
    std::function<Variable(const std::vector<Variable>&, const std::vector<Parameter>&)> op;
    std::function<std::vector<double>(const Arrays& inputs, const Arrays& parameters)> oracle;
    bool f32_only = false; ///< an op whose values are f32 whatever the network's type
    double f32_tolerance = 1e-7, bf16_tolerance = 1e-4; ///< of the NMSE, forward and backward
};

std::vector<OpCase> op_table();

} // namespace heat
