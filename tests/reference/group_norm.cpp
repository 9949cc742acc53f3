#include "tests/reference/group_norm.h"

#include "tests/reference/activation.h"

#include <cmath>

namespace heat::reference {

GroupNormForward group_norm_forward(const GroupNormSizes& s, const std::vector<double>& u,
                                    const std::vector<double>& gamma, const std::vector<double>& beta) {
    GroupNormForward result;
    result.y.resize(u.size());
    const int per_group = s.channels / s.groups;
    const double count = double(s.rows) * per_group;
    for (int n = 0; n < s.images; ++n) {
        for (int g = 0; g < s.groups; ++g) {
            const auto at = [&](int r, int k) {
                return (size_t(n) * s.rows + r) * s.channels + size_t(g) * per_group + k;
            };
            double mean = 0., variance = 0.;
            for (int r = 0; r < s.rows; ++r)
                for (int k = 0; k < per_group; ++k) mean += u[at(r, k)] / count;
            for (int r = 0; r < s.rows; ++r)
                for (int k = 0; k < per_group; ++k) variance += std::pow(u[at(r, k)] - mean, 2) / count;
            const double rstd = 1. / std::sqrt(variance + s.epsilon);
            result.statistics.push_back(mean);
            result.statistics.push_back(rstd);
            for (int r = 0; r < s.rows; ++r) {
                for (int k = 0; k < per_group; ++k) {
                    const int c = g * per_group + k;
                    const double z = gamma[c] * (u[at(r, k)] - mean) * rstd + beta[c];
                    result.y[at(r, k)] = s.silu ? silu(z) : z;
                }
            }
        }
    }
    return result;
}

GroupNormBackward group_norm_backward(const GroupNormSizes& s, const std::vector<double>& u,
                                      const std::vector<double>& gamma, const std::vector<double>& beta,
                                      const std::vector<double>& dy) {
    GroupNormBackward d;
    d.u.resize(u.size());
    d.gamma.resize(gamma.size());
    d.beta.resize(beta.size());
    const int per_group = s.channels / s.groups;
    const double count = double(s.rows) * per_group;
    const std::vector<double> statistics = group_norm_forward(s, u, gamma, beta).statistics;
    for (int n = 0; n < s.images; ++n) {
        for (int g = 0; g < s.groups; ++g) {
            const auto at = [&](int r, int k) {
                return (size_t(n) * s.rows + r) * s.channels + size_t(g) * per_group + k;
            };
            const double mean = statistics[2 * (size_t(n) * s.groups + g)];
            const double rstd = statistics[2 * (size_t(n) * s.groups + g) + 1];
            const auto dz = [&](int r, int k) {
                const int c = g * per_group + k;
                const double z = gamma[c] * (u[at(r, k)] - mean) * rstd + beta[c];
                return dy[at(r, k)] * (s.silu ? silu_derivative(z) : 1.);
            };
            double d_rstd = 0., d_mean = 0.;
            for (int r = 0; r < s.rows; ++r) {
                for (int k = 0; k < per_group; ++k) {
                    const int c = g * per_group + k;
                    d.gamma[c] += dz(r, k) * (u[at(r, k)] - mean) * rstd;
                    d.beta[c] += dz(r, k);
                    d_rstd += dz(r, k) * gamma[c] * (u[at(r, k)] - mean);
                    d_mean -= dz(r, k) * gamma[c] * rstd; // the variance does not change with the mean
                }
            }
            const double d_variance = d_rstd * -0.5 * rstd * rstd * rstd;
            for (int r = 0; r < s.rows; ++r) {
                for (int k = 0; k < per_group; ++k) {
                    d.u[at(r, k)] = dz(r, k) * gamma[g * per_group + k] * rstd + d_mean / count +
                                    d_variance * 2. * (u[at(r, k)] - mean) / count;
                }
            }
        }
    }
    return d;
}

std::vector<double> concatenate_and_shift(const std::vector<double>& x, const std::vector<double>& skip,
                                          const std::vector<double>& shift, int images, int rows,
                                          int channels_x, int channels_skip) {
    const int channels = channels_x + channels_skip;
    std::vector<double> u;
    u.reserve(size_t(images) * rows * channels);
    for (int n = 0; n < images; ++n) {
        for (int r = 0; r < rows; ++r) {
            const size_t row = size_t(n) * rows + r;
            for (int c = 0; c < channels; ++c) {
                const double value =
                    c < channels_x ? x[row * channels_x + c] : skip[row * channels_skip + (c - channels_x)];
                u.push_back(value + (shift.empty() ? 0. : shift[size_t(n) * channels + c]));
            }
        }
    }
    return u;
}

} // namespace heat::reference
