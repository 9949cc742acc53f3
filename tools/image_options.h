#pragma once

#include "tools/sampling.h"

#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace heat::tools {

/// The options of `engine sample` that begin with images, or have noises of other seeds (docs/images.md).
struct ImageOptions {
    std::string initial, inpaint, mask, interpolate;
    std::optional<double> strength, split_at;
    std::optional<int> resamples, jump, variations;
    std::optional<uint64_t> step_seed;

    /// After --seed and --init-noise, which some of them exclude.
    void add_to(CLI::App& command);
    /// Fills in the plan's images, seeds, count (`count_given`, or the option's own default) and columns; the
    /// index of the first image becomes that of the first place. Throws Error for what cannot be read or does
    /// not fit the process.
    void apply(const processes::Process& process, std::optional<int64_t> count_given,
               SamplingPlan& plan) const;
    /// Throws Error where the images would be of several classes, but are made of the same noises.
    void expect_one_class(size_t classes) const;
};

} // namespace heat::tools
