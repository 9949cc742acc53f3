#include "tools/training_step.h"

#include "engine/ops/loss.h"

namespace heat::tools {

float TrainingStep::run() const {
    float loss = 0;
    for (int i = 0; i < accumulation; ++i) {
        const int64_t index = optimizer.steps() * accumulation + i;
        random.set_step(uint32_t(index));
        const processes::TrainingBatch b = process.training_batch(batch(index), random, 0);
        Tape tape;
        const Variable output = model.network.forward(
            Variable(b.input), b.timesteps,
            {.dtype = model.dtype, .dropout = &random, .image_offset = 0, .labels = {}});
        const auto loss_of = b.loss == LossKind::absolute ? absolute_error : squared_error;
        const BatchLoss error = loss_of(output, b.target, b.weight, b.scale);
        tape.backward(error.loss);
        loss += error.loss.value().to_host()[0] / float(accumulation);
    }
    optimizer.step();
    return loss;
}

} // namespace heat::tools
