#include "tools/math_flags.h"

#include "kernels/math_mode.h"

#include <nlohmann/json.hpp>

namespace heat::tools {

using kernels::math_mode;
using kernels::MathMode;
using kernels::set_math_mode;

void add_math_flags(CLI::App& command) {
    command.add_flag_callback(
        "--strict-f32", [] { set_math_mode({.tf32 = false, .deterministic = math_mode().deterministic}); },
        "On a GPU: no TF32 in products of f32");
    command.add_flag_callback(
        "--deterministic", [] { set_math_mode({.tf32 = math_mode().tf32, .deterministic = true}); },
        "On a GPU: only algorithms that give the same bits in each run");
}

void settle_math_mode(TrainConfig& train) {
    const MathMode flags = math_mode();
    train.strict_f32 = train.strict_f32 || !flags.tf32;
    train.deterministic = train.deterministic || flags.deterministic;
    set_math_mode({.tf32 = !train.strict_f32, .deterministic = train.deterministic});
}

nlohmann::json describe_math_mode() {
    return {{"tf32", math_mode().tf32}, {"deterministic", math_mode().deterministic}};
}

} // namespace heat::tools
