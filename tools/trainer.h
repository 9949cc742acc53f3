#pragma once

#include "engine/data/batch_loader.h"
#include "engine/data/batch_order.h"
#include "tools/model.h"
#include "tools/progress.h"
#include "tools/run_checkpoint.h"
#include "tools/run_log.h"
#include "tools/sampling.h"
#include "tools/training_cost.h"
#include "tools/training_step.h"

#include <functional>

namespace heat::tools {

using LogCallback = std::function<void(const LogRecord&)>;

/// One training run in a run folder: resumes where the newest checkpoint stands, steps, logs, checkpoints,
/// draws sample grids.
class Trainer {
public:
    /// Loads the data, checks it against the configuration, builds process, network and optimiser. Nothing is
    /// written. `graphs`: whether steps are captured where the device can.
    Trainer(const Configuration& configuration, Device device, const GraphOptions& graphs = {});

    /// Trains until train.steps, or until a signal asks to stop; the run folder holds a checkpoint either
    /// way. The folder must be locked, and an InterruptGuard live. Returns false when it was interrupted;
    /// throws Interrupted where that was before the first step, with nothing to save. `report`
    /// gets each record of the log.
    bool run(RunFolder& folder, const LogCallback& report = {});

    /// What this training takes, by some steps, and one of sampling where grids are asked for, that are done
    /// in memory and not kept: the trainer is of no use afterwards. It begins where the folder's newest sound
    /// checkpoint stands. Nothing is written.
    TrainingCost measure(const RunFolder& folder);

    int64_t step() const { return optimizer_.steps(); }
    const ImageSetInfo& dataset() const { return images_->info(); }
    const Model& model() const { return model_; }

private:
    SamplingPlan sampling_plan() const;
    int64_t images_per_step() const;
    BatchOptions batch_options() const;
    LabelledBatch batch(int64_t index);
    bool is_classifier() const { return configuration_.network.is_classifier(); }
    void check_network() const;
    std::vector<double> accuracy_of_latest();
    std::optional<RunState> load_checkpoint(const RunFolder& folder, DamagedOnes damaged_ones);
    void resume(const RunFolder& folder);
    void make_prior();
    void prepare_prior(const RunFolder& folder);
    void report_waiting() const;
    void save(const RunFolder& folder);
    void log(const RunFolder& folder, Progress& progress, int64_t first_step, const LogCallback& report);
    std::filesystem::path grid_path(const RunFolder& folder) const;
    void draw_samples(const RunFolder& folder);
    [[noreturn]] void fail(const RunFolder& folder, int64_t step, const std::string& what,
                           const std::string& advice) const;
    void expect_finite(const RunFolder& folder, int64_t step, const char* name, double value) const;
    LossMean checked_losses(const RunFolder& folder);
    void measure_sampling(TrainingCost& cost);

    Configuration configuration_;
    Device device_;
    std::unique_ptr<ImageSource> images_; ///< of the configuration's size and channels
    BatchSampler order_;
    std::unique_ptr<processes::Process> process_;
    Model model_;
    Optimizer optimizer_;
    RandomState random_;
    GraphOptions graphs_;
    std::optional<processes::LevelImportance> importance_;
    std::optional<int64_t> saved_;         ///< step of the newest sound checkpoint
    std::unique_ptr<BatchLoader> loader_;  ///< of the training batches
    Tensor latest_images_, latest_labels_; ///< of a classifier: those of the last update, for the log
    TrainingStep step_;                    ///< its losses are those since the last line of the log
};

} // namespace heat::tools
