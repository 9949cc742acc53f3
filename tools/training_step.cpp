#include "tools/training_step.h"

#include "engine/ops/loss.h"

#include <utility>

namespace heat::tools {

TrainingStep::TrainingStep(Parts parts, const GraphOptions& graphs)
    : parts_(std::move(parts)), losses_(parts_.store.values().device()),
      watches_norm_(parts_.store.values().device() == Device::cuda),
      memory_(std::make_shared<MemoryReservation>(parts_.store.values().device())),
      pass_("the pass of a batch", graphs, memory_), update_("the optimiser's update", graphs, memory_) {
    parts_.optimizer.skip_non_finite_updates(watches_norm_);
    losses_.begin(parts_.optimizer.steps(), 0, 0);
}

void TrainingStep::pass(const Tensor& images) {
    const processes::TrainingBatch b = parts_.process.training_batch(images, parts_.random, 0);
    Tape tape;
    const Variable output = parts_.network.forward(
        Variable(b.input), b.timesteps,
        {.dtype = parts_.dtype, .dropout = &parts_.random, .image_offset = 0, .labels = {}});
    const BatchLoss error = weighted_error(b.loss, output, b.target, b.weight, b.scale);
    tape.backward(error.loss);
    losses_.add(error.loss.value(), parts_.accumulation);
}

/// Outside of graphs: in the steady state the update has done it, and the cast is not captured.
void TrainingStep::round_weights() {
    if (parts_.dtype == Dtype::bf16 && parts_.store.values().device() == Device::cuda)
        (void)parts_.store.bf16_values();
}

void TrainingStep::run() {
    Optimizer& optimizer = parts_.optimizer;
    for (int i = 0; i < parts_.accumulation; ++i) {
        const int64_t index = optimizer.steps() * parts_.accumulation + i;
        const Tensor images = parts_.batch(index);
        parts_.random.set_step(uint32_t(index));
        if (!pass_.active()) {
            pass(images);
            continue;
        }
        if (!images_.defined() || images_.shape() != images.shape())
            images_ = Tensor(images.shape(), images.dtype(), images.device());
        images_.copy_from(images);
        round_weights();
        pass_.run(
            images.shape().extents(), [this] { pass(images_); },
            [this] { parts_.store.derive_again(); }); // so that the graph packs the weights each time
    }
    optimizer.begin_step();
    // A graph without the copy must not stand in for one with it.
    update_.run({int64_t(parts_.store.bf16_to_update() != nullptr)}, [this] {
        parts_.optimizer.update();
        losses_.close(watches_norm_ ? parts_.optimizer.gradient_norm_data() : nullptr);
    });
    optimizer.end_step();
}

} // namespace heat::tools
