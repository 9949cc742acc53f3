#include "tools/classifier_gradient.h"

#include "engine/ops/cross_entropy.h"

namespace heat::tools {

Tensor ClassifierGradient::gradient(const Tensor& x, const Tensor& timesteps, const Tensor& labels) {
    Tape tape;
    const Variable image(x, true);
    const Variable logits = network_.forward(
        image, timesteps, {.dtype = dtype_, .dropout = nullptr, .image_offset = 0, .labels = {}});
    // Of Σ log p, and each image has its own p alone.
    tape.backward(cross_entropy(logits, labels, -1.f));
    return image.gradient();
}

} // namespace heat::tools
