#pragma once

#include "engine/data/labels.h"
#include "engine/graph.h"
#include "engine/loss_record.h"
#include "engine/optimizer.h"
#include "nets/unet.h"
#include "processes/level_importance.h"
#include "processes/process.h"

#include <functional>

namespace heat::tools {

/// The updates of a network. On a card an update waits for nothing there: what changes from one to the next
/// lies in device memory, losses are gathered in a LossRecord, and after two eager updates both the pass of a
/// batch (forward and backward) and the optimiser's are captured and replayed as CUDA graphs.
class TrainingStep {
public:
    /// What updates work on; owned by the caller.
    struct Parts {
        processes::Process& process;
        const nets::UNet& network;
        ParameterStore& store;
        Dtype dtype; ///< of activations
        Optimizer& optimizer;
        RandomState& random;
        int accumulation = 1; ///< batches whose gradients are averaged
        /// Images of batch `index`, N×H×W×C f32 in the data range, with labels where the network has classes.
        std::function<LabelledBatch(int64_t index)> batch;
        /// Learns from each batch how the process is to draw levels, for which the host waits, and no step is
        /// captured; null: uniformly.
        processes::LevelImportance* importance = nullptr;
        double label_dropout = 0; ///< probability that a label is replaced by the null class
    };

    /// On a card the optimiser is told to skip updates of a gradient that is not finite, because the host
    /// learns of them late.
    explicit TrainingStep(Parts parts, const GraphOptions& graphs = {});

    /// Draws levels and noise, predicts, differentiates and updates. Batch i of the update has the index
    /// steps · accumulation + i, which is its position in the data and in the random numbers.
    void run();

    /// The updates' mean losses, and the first that was not finite.
    LossRecord& losses() { return losses_; }
    bool captured() const { return pass_.captured() && update_.captured(); }

private:
    void pass(const LabelledBatch& batch);
    BatchLoss loss_of(const processes::TrainingBatch& b, const Tensor& labels);
    void learn_importance(const processes::TrainingBatch& batch, const Tensor& per_image);
    void round_weights();

    Parts parts_;
    LossRecord losses_;
    bool watches_norm_;
    Tensor images_, labels_; ///< where a captured pass finds its batch
    std::shared_ptr<MemoryReservation> memory_;
    GraphedWork pass_, update_;
};

} // namespace heat::tools
