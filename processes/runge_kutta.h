#pragma once

#include "engine/tensor.h"

#include <functional>
#include <vector>

namespace heat::processes {

/// What a system of ordinary differential equations is asked: images[i] of the run is in row i of x
/// (f32 rows × H×W×C), at times[i].
struct OdePoint {
    const std::vector<int>& images;
    const std::vector<double>& times;
    const Tensor& x;
};
/// dx/dt, and the derivatives of the scalars that are integrated beside x, rows × scalars.
struct OdeRate {
    Tensor x;
    std::vector<double> scalars;
};
using OdeFunction = std::function<OdeRate(const OdePoint&)>;

struct OdeSettings {
    double from = 0, to = 1; ///< time; either may be the larger
    double rtol = 1e-5, atol = 1e-5;
    int scalars = 0; ///< numbers per image that are integrated beside x, from 0; they do not act on x
};

struct OdeSolution {
    Tensor x;
    std::vector<double> scalars;  ///< images × scalars
    std::vector<int> evaluations; ///< per image, of the function
};

/// Called after each round of steps with the time of the image that is least far, and the states of all
/// images at their own times, which `states()` puts together.
using OdeObserver = std::function<void(double time, const std::function<Tensor()>& states)>;

/// Integrates every image by itself with Dormand and Prince's method of order 5 (4), as scipy's RK45 does: a
/// step is accepted where the root mean square of error/(atol + rtol·max(|x|, |x'|)) over the image's
/// elements and scalars is at most 1, else tried again with a smaller one. The function sees the images that
/// are not there yet, and no others; what comes out for one does not depend on the others. Throws Error where
/// a step becomes too small for the time's precision, or after 100000 steps.
OdeSolution integrate(const OdeFunction& function, const Tensor& start, const OdeSettings& settings,
                      const OdeObserver& observer = {});

} // namespace heat::processes
