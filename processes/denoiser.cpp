#include "processes/denoiser.h"

#include "kernels/error.h"

#include <fmt/format.h>

namespace heat::processes {

Tensor checked_prediction(Denoiser& denoiser, const Tensor& x, const Tensor& timesteps, int outputs) {
    Tensor output = denoiser.predict(x, timesteps);
    if (outputs == 1) {
        expect_same("network output", x, output);
        return output;
    }
    const Shape& s = x.shape();
    if (output.shape() != Shape{s[0], s[1], s[2], outputs * s[3]} || output.dtype() != x.dtype() ||
        output.device() != x.device())
        throw Error(
            fmt::format("network output: expected {} channels, a prediction and a learned variance, got {}; "
                        "set network.out_channels or another process.variance",
                        outputs * s[3], output.shape().text()));
    return output;
}

} // namespace heat::processes
