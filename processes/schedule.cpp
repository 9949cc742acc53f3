#include "processes/schedule.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace heat::processes {

namespace {
void expect_steps(int steps, int least) {
    if (steps < least)
        throw Error(fmt::format("process.steps = {}: this schedule needs at least {}", steps, least));
}
} // namespace

std::vector<double> linear_betas(int steps, double beta_start, double beta_end) {
    expect_steps(steps, 1);
    if (!(beta_start > 0 && beta_start <= beta_end && beta_end < 1))
        throw Error(fmt::format("linear schedule from {} to {}: expected 0 < beta_start <= beta_end < 1",
                                beta_start, beta_end));
    std::vector<double> betas(size_t(steps) + 1, 0.0);
    const double increment = steps > 1 ? (beta_end - beta_start) / (steps - 1) : 0.0;
    for (int n = 1; n <= steps; ++n) betas[size_t(n)] = beta_start + increment * (n - 1);
    return betas;
}

std::vector<double> scaled_linear_betas(int steps, double beta_start, double beta_end) {
    std::vector<double> betas = linear_betas(steps, std::sqrt(beta_start), std::sqrt(beta_end));
    for (double& beta : betas) beta *= beta;
    return betas;
}

namespace {
/// β_n = min(1 − f(n/N)/f((n−1)/N), 0.999).
template <class AlphaBar>
std::vector<double> betas_of(int steps, AlphaBar alpha_bar) {
    expect_steps(steps, 1);
    std::vector<double> betas(size_t(steps) + 1, 0.0);
    for (int n = 1; n <= steps; ++n)
        betas[size_t(n)] =
            std::min(1.0 - alpha_bar(double(n) / steps) / alpha_bar(double(n - 1) / steps), 0.999);
    return betas;
}
} // namespace

std::vector<double> cosine_betas(int steps) {
    return betas_of(steps, [](double u) {
        const double c = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
        return c * c;
    });
}

std::vector<double> sigmoid_betas(int steps, double beta_start, double beta_end) {
    std::vector<double> betas = linear_betas(steps, beta_start, beta_end);
    for (int n = 1; n <= steps; ++n) {
        const double x = steps > 1 ? -6.0 + 12.0 * (n - 1) / (steps - 1) : -6.0;
        betas[size_t(n)] = beta_start + (beta_end - beta_start) / (1.0 + std::exp(-x));
    }
    return betas;
}

std::vector<double> laplace_betas(int steps) {
    return betas_of(steps, [](double u) {
        const double log_snr =
            -0.5 * std::copysign(1.0, 0.5 - u) * std::log(1 - 2 * std::abs(0.5 - u) + 1e-6);
        return std::sqrt(1.0 / (1.0 + std::exp(-log_snr)));
    });
}

std::vector<double> rescaled_to_zero_terminal_snr(const std::vector<double>& betas) {
    const int steps = int(betas.size()) - 1;
    if (steps < 2) throw Error(fmt::format("process.steps = {}: zero_terminal_snr needs at least 2", steps));
    std::vector<double> roots = log_alpha_bars(betas); // √ᾱ_n
    for (double& value : roots) value = std::exp(0.5 * value);
    const double first = roots[1], last = roots.back();
    if (!(last < first))
        throw Error(fmt::format("zero_terminal_snr of a schedule whose √ᾱ goes from {} to {}: expected it to "
                                "fall",
                                first, last));
    for (double& value : roots) value = (value - last) * first / (first - last);
    std::vector<double> rescaled{0.0, betas[1]};
    for (size_t n = 2; n < roots.size(); ++n) {
        const double ratio = roots[n] / roots[n - 1];
        rescaled.push_back(1.0 - ratio * ratio);
    }
    return rescaled;
}

double vp_beta(double time, double beta_start, double beta_end) {
    return 1000 * (beta_start + time * (beta_end - beta_start));
}

double vp_log_alpha_bar(double time, double beta_start, double beta_end) {
    return -1000 * time * (beta_start + 0.5 * time * (beta_end - beta_start));
}

std::vector<double> vp_betas(int steps, double beta_start, double beta_end) {
    std::vector<double> betas = linear_betas(steps, beta_start, beta_end); // for its checks
    for (int n = 1; n <= steps; ++n)
        betas[size_t(n)] = -std::expm1(vp_log_alpha_bar(double(n) / steps, beta_start, beta_end) -
                                       vp_log_alpha_bar(double(n - 1) / steps, beta_start, beta_end));
    return betas;
}

std::vector<double> betas_from_name(const std::string& schedule, int steps, double beta_start,
                                    double beta_end) {
    if (schedule == "linear") return linear_betas(steps, beta_start, beta_end);
    if (schedule == "scaled_linear") return scaled_linear_betas(steps, beta_start, beta_end);
    if (schedule == "cosine") return cosine_betas(steps);
    if (schedule == "sigmoid") return sigmoid_betas(steps, beta_start, beta_end);
    if (schedule == "laplace") return laplace_betas(steps);
    if (schedule == "vp") return vp_betas(steps, beta_start, beta_end);
    throw Error(fmt::format(
        "unknown schedule '{}': expected linear, scaled_linear, cosine, sigmoid, laplace or vp", schedule));
}

std::vector<double> log_alpha_bars(const std::vector<double>& betas) {
    std::vector<double> logs(betas.size(), 0.0);
    for (size_t n = 1; n < betas.size(); ++n) logs[n] = logs[n - 1] + std::log1p(-betas[n]);
    return logs;
}

std::vector<double> blur_sigmas(int steps, double sigma_min, double sigma_max) {
    expect_steps(steps, 2);
    if (!(sigma_min > 0 && sigma_min < sigma_max))
        throw Error(fmt::format("blur widths from {} to {} pixels: expected 0 < sigma_min < sigma_max",
                                sigma_min, sigma_max));
    std::vector<double> sigmas(size_t(steps) + 1, 0.0);
    for (int k = 1; k <= steps; ++k)
        sigmas[size_t(k)] = std::exp(std::log(sigma_min) * (steps - k) / (steps - 1) +
                                     std::log(sigma_max) * (k - 1) / (steps - 1));
    return sigmas;
}

} // namespace heat::processes
