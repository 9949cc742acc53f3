#pragma once

#include "processes/process.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

namespace heat::tools {

/// The options of `engine sample` that are those of a solver (docs/samplers.md).
struct SolverFlags {
    processes::SamplerOptions options;
    bool singlestep = false, full_order_final = false, clipped_noise = false;
    std::string step_noise; ///< a file, or empty

    void add_to(CLI::App& command);
    /// What is set takes the place of the request's.
    void apply(processes::SamplerOptions& request) const;
};

/// The noise of the steps in a NumPy array, steps × N×C×H×W of a process's images, one tensor N×H×W×C a step.
/// Throws Error where it does not fit the process, the number of images, or is not finite.
std::vector<Tensor> read_step_noise(const std::string& file, const processes::Process& process,
                                    int64_t images);

} // namespace heat::tools
