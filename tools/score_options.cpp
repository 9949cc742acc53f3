#include "tools/score_options.h"

namespace heat::tools {

void add_score_options(CLI::App& command, processes::ScoreOptions& options) {
    command.add_option("--predictor", options.predictor, "Of predictor-corrector")
        ->type_name("{reverse-diffusion,euler-maruyama,ancestral,none}");
    command.add_option("--corrector", options.corrector, "Of predictor-corrector; langevin by default")
        ->type_name("{langevin,none}");
    command.add_option("--snr", options.snr, "Signal-to-noise ratio of langevin's step; 0.16 by default");
    command.add_option("--corrector-steps", options.corrector_steps,
                       "Of langevin at each level; 1 by default");
    command.add_flag("--batch-norms", options.batch_norms,
                     "langevin's step from the mean norms of the batch, not the image's own");
    command.add_option("--rtol", options.rtol, "Relative tolerance of ode, 1e-6 to 1; 1e-5 by default");
    command.add_option("--atol", options.atol, "Absolute tolerance of ode, 1e-6 to 1; 1e-5 by default");
}

} // namespace heat::tools
