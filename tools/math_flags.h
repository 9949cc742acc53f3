#pragma once

#include "tools/configuration.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

namespace heat::tools {

/// Adds --strict-f32 and --deterministic to a command. They hold for the whole program from the command's
/// parsing on (kernels/math_mode.h), and change nothing on the CPU.
void add_math_flags(CLI::App& command);

/// Takes the stricter of what the flags and the configuration say, for both.
void settle_math_mode(TrainConfig& train);

/// {"deterministic": false, "tf32": true}.
nlohmann::json describe_math_mode();

} // namespace heat::tools
