#pragma once

#include <vector>

namespace heat::reference {

struct GroupNormSizes {
    int images, rows, channels, groups;
    double epsilon;
    bool silu;
};

struct GroupNormForward {
    std::vector<double> y;          ///< images × rows × channels
    std::vector<double> statistics; ///< images × groups × {mean, rstd}
};

/// y = act(gamma[c]·(u − mean)·rstd + beta[c]) of u, images × rows × channels (Wu & He 2018).
GroupNormForward group_norm_forward(const GroupNormSizes&, const std::vector<double>& u,
                                    const std::vector<double>& gamma, const std::vector<double>& beta);

struct GroupNormBackward {
    std::vector<double> u, gamma, beta; ///< gradients
};

/// By the chain rule through mean and variance, term by term.
GroupNormBackward group_norm_backward(const GroupNormSizes&, const std::vector<double>& u,
                                      const std::vector<double>& gamma, const std::vector<double>& beta,
                                      const std::vector<double>& dy);

/// u = cat(x, skip) + shift: x is images × rows × channels_x, skip images × rows × channels_skip, shift
/// images × channels (empty: none).
std::vector<double> concatenate_and_shift(const std::vector<double>& x, const std::vector<double>& skip,
                                          const std::vector<double>& shift, int images, int rows,
                                          int channels_x, int channels_skip);

} // namespace heat::reference
