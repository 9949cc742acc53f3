#include "tools/differentiable_model.h"

namespace heat::tools {

nets::UNet::Pass DifferentiableModel::pass(const Tensor& x) const {
    const int64_t count = x.shape()[0];
    Tensor labels;
    if (label_)
        labels = Tensor::from_host(Shape{count}, std::vector<int32_t>(size_t(count), *label_), x.device());
    return {.dtype = dtype_, .dropout = nullptr, .image_offset = 0, .labels = labels};
}

Tensor DifferentiableModel::predict(const Tensor& x, const Tensor& timesteps) {
    const NoGradient none;
    return network_.forward(Variable(x), timesteps, pass(x)).value();
}

processes::DifferentiableDenoiser::Product
DifferentiableModel::vector_jacobian(const Tensor& x, const Tensor& timesteps, const Tensor& cotangent) {
    Tape tape;
    const Variable input(x, true);
    const Variable output = network_.forward(input, timesteps, pass(x));
    expect_same("cotangent", output.value(), cotangent);
    // A loss whose gradient by the output is the cotangent; its value is of no use.
    const Variable loss = make_result(
        Tensor::zeros(Shape{1}, Dtype::f32, x.device()), true, [output, cotangent](const Tensor&) {
            Tensor gradient(cotangent.shape(), cotangent.dtype(), cotangent.device());
            gradient.copy_from(cotangent);
            output.add_gradient(std::move(gradient));
        });
    tape.backward(loss);
    return {output.value(), input.gradient()};
}

} // namespace heat::tools
