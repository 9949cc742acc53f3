#pragma once

#include <optional>
#include <string>

namespace heat::processes {

/// What the solvers of Markov diagonal processes take besides the number of steps and their spacing
/// (docs/samplers.md). What is empty takes the solver's default; what is set where the solver has no use for
/// it is refused.
struct SamplerOptions {
    std::optional<int> order = {};       ///< 1, 2 (default) or 3; sde-dpm-solver++ 1 or 2
    std::optional<bool> singlestep = {}; ///< dpm-solver, dpm-solver++: begin each block of `order` calls anew
    std::string type = {};               ///< "midpoint" (default) or "heun"; unipc: "bh2" (default) or "bh1"
    std::optional<bool> lower_order_final = {}; ///< lower the order of the last steps; the default is on
    std::string final_sigma = {}; ///< where the last step ends: "zero" (data, default), "sigma_min" (level 1)
    std::optional<bool> clipped_noise =
        {}; ///< ddim: form ε̂ anew from the limited û_0, as guidance needs it; the default is off
    std::optional<double> threshold = {}; ///< share of an image's pixels within the dynamic threshold, 0..1
    std::optional<double> threshold_limit =
        {}; ///< largest threshold, in half data ranges; the default is none

    bool operator==(const SamplerOptions&) const = default;
};

} // namespace heat::processes
