#pragma once

#include "processes/basis.h"
#include "processes/continuous_level.h"
#include "processes/loss_weight.h"
#include "processes/process.h"
#include "processes/sampling_path.h"
#include "processes/state_view.h"
#include "processes/step.h"
#include "processes/step_cost.h"

#include <memory>

namespace heat::processes {

/// What makes a Markov Gaussian process that is diagonal in a basis (docs/math.md §1).
struct DiagonalModel {
    Basis basis = Basis::pixel;
    DiagonalTables tables; ///< width 1, or the number of the basis's eigenvalues
    std::vector<double>
        prior_deviations; ///< per eigenvalue (tables' width): sampling starts from N(0, deviation²)
    Prediction prediction = Prediction::epsilon;
    Variance variance = Variance::small; ///< of ancestral steps unless a request says otherwise
    float data_low = -1, data_high = 1;
    /// What the network sees of the state, per level and eigenvalue like the tables: (levels + 1) × width
    /// factors; empty: the state itself. Those of level 0, which no network sees, are 1.
    std::vector<double> input_gains = {};
    /// Stands between pixels and the state, in the pixel basis alone and with prediction ε; null: nothing
    /// does.
    std::shared_ptr<const StateView> view = {};
    bool clip = true; ///< limit û_0 to the data range unless a request says otherwise
    LossWeight loss_weight = {};
    /// Of training: a weight for each level 1..N, in proportion to which it is drawn; empty: all alike.
    std::vector<double> level_weights = {};
    /// What the network sees as the timestep of the levels 0..N (0's is not used); empty: the level less one.
    std::vector<double> timesteps = {};
    /// The prior is that of level N and of no level below: a sampler's levels must begin there, and are
    /// spaced so (linspace) unless a request says otherwise.
    bool starts_at_last_level = false;
    /// The tables between levels, where they have a formula.
    ContinuousLevels continuous = {};
};

/// Training and sampling of every Markov member of the diagonal family; members differ in their tables.
class DiagonalProcess : public Process {
public:
    /// Throws Error where the tables do not fit the basis, no Markov chain has them, or the basis is not
    /// orthonormal and white noise would have another covariance than theirs (docs/math.md, "Where the noise
    /// is drawn").
    DiagonalProcess(ImageSize size, DiagonalModel model, Device device);

    const DiagonalModel& model() const { return model_; }

    float data_low() const override { return model_.data_low; }
    float data_high() const override { return model_.data_high; }
    float timestep_of_level(int level) const override {
        return model_.timesteps.empty() ? float(level - 1) : float(model_.timesteps[size_t(level)]);
    }
    /// Targets per prediction; loss scale 1/(N·C·H·W): the mean over all elements; weights per level.
    TrainingBatch training_batch(const Tensor& images, const RandomState& random,
                                 uint32_t image_offset) const override;
    bool draws_levels_uniformly() const override { return model_.level_weights.empty(); }
    std::vector<std::string> solvers() const override;

    /// The settings of every step of a request; throws Error for impossible combinations.
    StepSettings step_settings(const SampleRequest& request) const;
    /// The levels that a request with solver and steps visits; throws Error for those it cannot.
    SamplingPath sampling_path(const SampleRequest& request) const;

    std::vector<ReportEntry> report() const override;

protected:
    /// report() by tables of u_0 itself, where those of the state, behind a view, say less.
    std::vector<ReportEntry> report_of(const DiagonalTables& tables) const;
    /// Adds the column loss_weight, unless it is uniform.
    void add_loss_weight(std::vector<TableColumn>& columns) const;
    void check_solver(const SampleRequest& request) const override;
    Tensor run_solver(Denoiser& denoiser, const SampleRequest& request,
                      const SampleCallback& callback) const override;

private:
    DiagonalModel model_;
    /// The request with the spacing filled in; throws Error for levels that do not begin where the prior is.
    SampleRequest spaced(const SampleRequest& request) const;
    std::string default_spacing(int steps) const;
    /// Throws Error where a path of this spacing begins elsewhere than the prior.
    void expect_start(double level, const std::string& spacing, int steps) const;
    void check_step_noise(const SampleRequest& request) const;
    /// Throws Error for images to inpaint and seeds that the solver or this path have no use for.
    void check_images(const SampleRequest& request, const SamplingPath& path) const;
    /// The network's input and, for v, its target: factors of u_0 and ε, (N + 1) × width in device memory.
    Tensor input_clean_, input_noise_, target_clean_, target_noise_;
    Tensor loss_weights_; ///< (N + 1)×1 in device memory; undefined: uniform, or in hybrid_table_
    Tensor hybrid_table_; ///< where the variance is learned
};

} // namespace heat::processes
