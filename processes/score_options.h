#pragma once

#include <optional>
#include <string>

namespace heat::processes {

/// Of the solvers predictor-corrector and ode. What is empty takes the default named here; what is set for
/// another solver is refused.
struct ScoreOptions {
    // predictor-corrector
    std::string predictor;              ///< reverse-diffusion (default), euler-maruyama, ancestral, none
    std::string corrector;              ///< langevin (default), none
    std::optional<double> snr;          ///< of langevin, above 0; 0.16
    std::optional<int> corrector_steps; ///< of langevin at each level, at least 1; 1
    bool batch_norms = false;           ///< langevin's step from the batch's mean norms, not the image's
    // ode
    std::optional<double> rtol, atol; ///< relative and absolute tolerance of a step; 1e-5

    bool for_predictor_corrector() const {
        return !predictor.empty() || !corrector.empty() || snr || corrector_steps || batch_norms;
    }
    bool for_ode() const { return rtol || atol; }
};

} // namespace heat::processes
