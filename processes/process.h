#pragma once

#include "engine/ops/hybrid_loss.h"
#include "engine/random.h"
#include "engine/tensor.h"
#include "processes/denoiser.h"
#include "processes/level_distribution.h"
#include "processes/sample_request.h"

#include <map>
#include <string>
#include <vector>

namespace heat::processes {

struct ImageSize {
    int height = 0, width = 0, channels = 0;

    int64_t points() const { return int64_t(height) * width; }
    int64_t elements() const { return points() * channels; }
};

/// What one training step needs: loss = scale · Σ_i weight_i · ‖network(input_i, timestep_i) − target_i‖², or
/// the sum of absolute values in place of the squares.
struct TrainingBatch {
    Tensor input;     ///< f32 N×H×W×C
    Tensor timesteps; ///< f32 N, what the network sees
    Tensor levels;    ///< i32 N, 1..N: the level each image was taken to
    Tensor target;    ///< f32 N×H×W×C
    Tensor weight;    ///< f32 N; undefined: all ones
    float scale = 1;
    LossKind loss = LossKind::squared;
    /// Where the network predicts the variance too, of 2C channels: what hybrid_loss compares it with, in
    /// place of the target and loss above.
    HybridTarget hybrid = {};
};

/// One number a process says about itself.
struct ReportEntry {
    std::string name; ///< snake_case, unit included where it has one
    double value = 0;
    std::string text; ///< what it means, one line
};

inline void append(std::vector<ReportEntry>& entries, const std::vector<ReportEntry>& more) {
    entries.insert(entries.end(), more.begin(), more.end());
}

/// One column of a process's tables: a value for every level 0..N.
struct TableColumn {
    std::string name;
    std::vector<double> values;
};

/// A forward process that destroys images and the model that runs it backwards. Immutable but for its prior
/// and the distribution that training draws levels from.
class Process {
public:
    Process(ImageSize size, int steps, Device device);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    virtual ~Process() = default;

    /// The name in configurations, e.g. "ddpm".
    virtual std::string name() const = 0;
    /// N: the number of levels above data.
    int steps() const { return steps_; }
    ImageSize size() const { return size_; }
    Device device() const { return device_; }
    /// The values of black and white in the images the network sees.
    virtual float data_low() const = 0;
    virtual float data_high() const = 0;
    /// What the network sees at level 1..N.
    virtual float timestep_of_level(int level) const = 0;

    /// Whether it draws levels uniformly by itself, so that another distribution may take that one's place.
    virtual bool draws_levels_uniformly() const { return true; }
    /// Throws Error where it does not.
    void expect_uniform_levels() const;
    /// From now on training batches draw their levels from this distribution in place of the uniform one, and
    /// their weights are multiplied by its weights. Throws Error where levels are not drawn uniformly.
    void set_level_distribution(LevelDistribution distribution);
    /// The weights of that distribution, of levels 0..N; empty for the uniform one.
    const std::vector<double>& level_weights() const { return drawn_from_.host_weights; }

    /// Takes images (f32 N×H×W×C in the data range) to levels drawn from 1..N, one each, uniformly but for
    /// edm. Image i draws the numbers of image `image_offset + i` at random's step (Purpose::timestep,
    /// training_noise). Throws Error for another shape.
    virtual TrainingBatch training_batch(const Tensor& images, const RandomState& random,
                                         uint32_t image_offset) const = 0;

    /// Whether sampling starts from something that was learned from the training images.
    virtual bool needs_prior() const { return false; }
    /// Adds these images (f32 N×H×W×C in the data range) to the prior; call it for each batch of the training
    /// set. Does nothing where there is nothing to learn.
    virtual void prepare_prior(const Tensor& images) { (void)images; }
    /// The prior as tensors (on the CPU) for a checkpoint, and back. set_prior throws Error where they do not
    /// fit.
    virtual std::map<std::string, Tensor> prior() const { return {}; }
    virtual void set_prior(const std::map<std::string, Tensor>& tensors);

    /// Whether sampling starts from white noise in pixels, so that SampleRequest::start may bring it.
    virtual bool starts_from_white_noise() const { return false; }
    /// Names for SampleRequest::solver, the default first.
    virtual std::vector<std::string> solvers() const = 0;
    /// Samples images, f32 count×H×W×C in the data range (up to what the network overshoots). Image k of a
    /// run depends on the seed and k alone. Throws Error where the request does not fit the process, naming
    /// what would.
    Tensor sample(Denoiser& denoiser, const SampleRequest& request,
                  const SampleCallback& callback = {}) const;

    /// Throws the Error that sample() would throw for this request, without a network.
    void check(const SampleRequest& request) const { resolve(request); }

    virtual std::vector<ReportEntry> report() const = 0;
    virtual std::vector<TableColumn> tables() const = 0;

protected:
    /// Throws Error for settings that this process's solvers do not take; solver and steps are filled in and
    /// in range.
    virtual void check_solver(const SampleRequest& request) const = 0;
    /// sample() with a request that check_solver let pass.
    virtual Tensor run_solver(Denoiser& denoiser, const SampleRequest& request,
                              const SampleCallback& callback) const = 0;

    /// Begins a training batch: checks the images and draws a level, 1..N, and its timestep for each. Its
    /// weights are those of the level distribution, undefined for the uniform one; a process multiplies its
    /// own in.
    TrainingBatch draw_levels(const Tensor& images, const RandomState& random, uint32_t image_offset) const;
    /// For constructors: levels 1..N are drawn in proportion to `weights`, which the loss does not make up
    /// for, and the network sees timesteps[level]. Empty: all alike, and the level by a constant shift.
    void draw_by(const std::vector<double>& weights, const std::vector<double>& timesteps);
    void expect_images(const char* what, const Tensor& images) const;
    Shape batch_shape(int64_t count) const;

private:
    /// The request with solver and steps filled in; throws Error where it does not fit.
    SampleRequest resolve(const SampleRequest& request) const;

    ImageSize size_;
    int steps_;
    Device device_;
    LevelDistribution drawn_from_;
    Tensor timestep_of_; ///< f32 of levels 0..N; undefined: the level by a constant shift
};

} // namespace heat::processes
