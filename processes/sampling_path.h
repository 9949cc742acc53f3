#pragma once

#include "processes/tables.h"

#include <functional>
#include <string>
#include <vector>

namespace heat::processes {

/// The levels a sampler visits: steps + 1 entries from the first, down to 0. Spacing as in diffusers, whose
/// timestep is the level less one (N levels, K steps): all of N..0 where K = N, else
///   leading   i·⌊N/K⌋ + 1, so that the last step starts at level 1
///   trailing  round(N − i·N/K), so that the first step starts at level N
///   linspace  round(i·(N−1)/(K−1)) + 1, both
/// Throws Error for another name or K outside 1..N.
std::vector<int> sampling_levels(const std::string& spacing, int levels, int steps);

/// Those of levels, highest first, that are not above `from`, which is the first where there were any above.
std::vector<int> levels_from(int from, const std::vector<int>& levels);

/// How a solver's own scheduler in diffusers spaces its steps.
enum class PathStyle {
    integer, ///< ancestral, ddim: sampling_levels
    multistep, ///< dpm-solver's and unipc: linspace round(i·(N−1)/K) + 1 and leading i·⌊N/(K+1)⌋ + 1, i =
               ///< K..1
    fractional ///< euler, heun: as integer, but linspace is not rounded
};

/// The levels that a sampler visits as tables of their own. Between levels l and l + 1 stands the process
/// whose log s/a and log √(a² + s²) lie between theirs, in each eigenvalue the same share of the way.
struct SamplingPath {
    DiagonalTables tables;      ///< index `last` is where the path starts, 0 where it ends
    int last = 0;               ///< steps of the path
    std::vector<double> levels; ///< of the process, by the tables' index
    std::vector<float>
        timesteps; ///< what the network sees, by the tables' index; of index 0 where it ends above data
    std::vector<double> gains; ///< DiagonalModel::input_gains by the tables' index, or empty
};

struct PathRequest {
    std::string spacing; ///< the three of sampling_levels, "karras" or "log-snr"
    int steps = 1;       ///< K, 1..N
    PathStyle style = PathStyle::integer;
    bool ends_at_data = true; ///< or at level 1
    int from = 0; ///< above 0: levels above it are left out, and it is the first where there were any
    std::function<float(int level)> timestep_of_level; ///< of level 1..N
};

/// With σ = s/a of eigenvalue 0 at levels 1 and N as ends,
///   karras    σ_i^{1/7} on a line (Karras et al. 2022, eq. 5)
///   log-snr   log σ_i on a line (Lu et al. 2022)
/// and all eigenvalues at the level, a fraction mostly, where eigenvalue 0 has σ_i. The network sees the
/// timestep between its neighbours' there; of a multistep path the nearest of a whole level. `gains`:
/// input_gains, or empty. Throws Error for an unknown spacing or K outside 1..N.
SamplingPath sampling_path(const DiagonalTables& tables, const std::vector<double>& gains,
                           const PathRequest& request);

} // namespace heat::processes
