#pragma once

#include <vector>

namespace heat::reference {

/// images × dimension: [sin(t·f), cos(t·f)] or [cos, sin], f_i = 10000^(−i/(half − frequency_shift)), half =
/// dimension/2 (f_0 = 1 also where that is 0/0); an odd dimension ends in 0 (Vaswani et al. 2017).
std::vector<double> sinusoidal_embedding(const std::vector<double>& timesteps, int dimension,
                                         bool cosine_first, double frequency_shift);

} // namespace heat::reference
