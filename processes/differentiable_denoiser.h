#pragma once

#include "processes/denoiser.h"

namespace heat::processes {

/// A network that can also be differentiated by its input.
class DifferentiableDenoiser : public Denoiser {
public:
    struct Product {
        Tensor output;   ///< predict(x, timesteps)
        Tensor gradient; ///< of Σ cotangent·output by x, of x's shape: Jᵀ cotangent
    };
    /// cotangent: f32 of x's shape. As with predict, keep no copy of the arguments.
    virtual Product vector_jacobian(const Tensor& x, const Tensor& timesteps, const Tensor& cotangent) = 0;
};

} // namespace heat::processes
