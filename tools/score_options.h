#pragma once

#include "processes/denoiser.h"
#include "processes/score_options.h"

#include <CLI/CLI.hpp>

namespace heat::tools {

/// Adds the options of the solvers predictor-corrector and ode.
void add_score_options(CLI::App& command, processes::ScoreOptions& options);

/// Counts what a network is asked; hides that its calls could be captured, which would not be counted.
class CountedDenoiser final : public processes::Denoiser {
public:
    explicit CountedDenoiser(processes::Denoiser& denoiser) : denoiser_(denoiser) {}
    void begin_batch(uint32_t first_image, int64_t count) override {
        denoiser_.begin_batch(first_image, count);
    }
    Tensor predict(const Tensor& x, const Tensor& timesteps) override {
        ++calls_;
        images_ += x.shape()[0];
        return denoiser_.predict(x, timesteps);
    }
    /// Calls, and images in all of them.
    int64_t calls() const { return calls_; }
    int64_t images() const { return images_; }

private:
    processes::Denoiser& denoiser_;
    int64_t calls_ = 0, images_ = 0;
};

} // namespace heat::tools
