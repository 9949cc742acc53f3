#pragma once

#include "processes/process.h"

#include <memory>
#include <optional>

namespace heat::processes {

/// The [process] part of a configuration. What is left empty takes the kind's default.
struct ProcessConfig {
    std::string kind = "ddpm";     ///< one of process_kinds()
    std::optional<int> steps = {}; ///< levels; 1000 (ddpm), 200 (ihdm)

    // ddpm
    std::string schedule = "linear"; ///< linear or cosine
    double beta_start = 1e-4;        ///< of the linear schedule
    double beta_end = 0.02;
    std::string prediction = "epsilon"; ///< epsilon, x0 or v
    std::string variance = "small";     ///< of ancestral steps: small or large

    // ihdm
    double sigma_min = 0.5;               ///< blur width at level 1, pixels
    std::optional<double> sigma_max = {}; ///< blur width at level K, pixels; half the longer side
    double sigma = 0.01;                  ///< training noise
    std::optional<double> delta = {};     ///< sampling noise; 1.25 sigma
};

/// "ddpm", "ihdm".
std::vector<std::string> process_kinds();

/// The process of a configuration for images of one size. Throws Error for unknown names and impossible
/// numbers.
std::unique_ptr<Process> make_process(const ProcessConfig& config, ImageSize size, Device device);

} // namespace heat::processes
