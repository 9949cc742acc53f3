#include "tools/training_step.h"

#include "engine/ops/cross_entropy.h"
#include "engine/ops/loss.h"

#include <utility>

namespace heat::tools {

namespace {
GraphOptions unless_importance(GraphOptions graphs, const processes::LevelImportance* importance) {
    graphs.wanted = graphs.wanted && !importance;
    return graphs;
}
} // namespace

TrainingStep::TrainingStep(Parts parts, const GraphOptions& graphs)
    : parts_(std::move(parts)), losses_(parts_.store.values().device()),
      watches_norm_(parts_.store.values().device() == Device::cuda),
      memory_(std::make_shared<MemoryReservation>(parts_.store.values().device())),
      pass_("the pass of a batch", unless_importance(graphs, parts_.importance), memory_),
      update_("the optimiser's update", graphs, memory_) {
    parts_.optimizer.skip_non_finite_updates(watches_norm_);
    losses_.begin(parts_.optimizer.steps(), 0, 0);
}

void TrainingStep::learn_importance(const processes::TrainingBatch& batch, const Tensor& per_image) {
    const Tensor levels = batch.levels.to(Device::cpu);
    const std::span<const int32_t> drawn(levels.data<int32_t>(), size_t(levels.count()));
    std::vector<float> losses = per_image.to_host();
    const std::vector<float> weights = batch.weight.defined() ? batch.weight.to_host() : std::vector<float>();
    const std::vector<double>& importance = parts_.process.level_weights();
    for (size_t i = 0; i < losses.size(); ++i) {
        losses[i] *= batch.scale * float(losses.size());
        if (!weights.empty()) losses[i] *= weights[i];
        if (!importance.empty()) losses[i] /= float(importance[size_t(drawn[i])]);
    }
    parts_.importance->add(drawn, losses);
    parts_.importance->apply_to(parts_.process);
}

BatchLoss TrainingStep::loss_of(const processes::TrainingBatch& b, const Tensor& labels) {
    const nets::UNetConfig& config = parts_.network.config();
    nets::UNet::Pass pass{.dtype = parts_.dtype, .dropout = &parts_.random, .image_offset = 0, .labels = {}};
    if (config.is_classifier())
        return {cross_entropy(parts_.network.forward(Variable(b.input), b.timesteps, pass), labels,
                              1.f / float(labels.count())),
                {}};
    if (config.classes > 0) pass.labels = labels;
    if (parts_.label_dropout > 0)
        pass.labels = with_label_dropout(labels, parts_.label_dropout, config.classes, parts_.random, 0);
    const Variable output = parts_.network.forward(Variable(b.input), b.timesteps, pass);
    return b.hybrid.defined() ? hybrid_loss(output, b.hybrid, b.weight, b.scale)
                              : weighted_error(b.loss, output, b.target, b.weight, b.scale);
}

void TrainingStep::pass(const LabelledBatch& batch) {
    const processes::TrainingBatch b = parts_.process.training_batch(batch.images, parts_.random, 0);
    Tape tape;
    const BatchLoss error = loss_of(b, batch.labels);
    tape.backward(error.loss);
    losses_.add(error.loss.value(), parts_.accumulation);
    if (parts_.importance) learn_importance(b, error.per_image);
}

namespace {
void copy_into(Tensor& kept, const Tensor& from) {
    if (!from.defined()) return;
    if (!kept.defined() || kept.shape() != from.shape())
        kept = Tensor(from.shape(), from.dtype(), from.device());
    kept.copy_from(from);
}
} // namespace

/// Outside of graphs: in the steady state the update has done it, and the cast is not captured.
void TrainingStep::round_weights() {
    if (parts_.dtype == Dtype::bf16 && parts_.store.values().device() == Device::cuda)
        (void)parts_.store.bf16_values();
}

void TrainingStep::run() {
    Optimizer& optimizer = parts_.optimizer;
    for (int i = 0; i < parts_.accumulation; ++i) {
        const int64_t index = optimizer.steps() * parts_.accumulation + i;
        const LabelledBatch batch = parts_.batch(index);
        parts_.random.set_step(uint32_t(index));
        if (!pass_.active()) {
            pass(batch);
            continue;
        }
        copy_into(images_, batch.images);
        copy_into(labels_, batch.labels);
        round_weights();
        pass_.run(
            batch.images.shape().extents(),
            [this] {
                pass({images_, labels_});
            },
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
