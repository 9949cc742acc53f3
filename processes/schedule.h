#pragma once

#include <string>
#include <vector>

namespace heat::processes {

/// Schedules are tables over the levels 0..N in float64; index 0 is data (docs/math.md, "DDPM" and "IHDM").

/// β_1..β_N on a line from beta_start to beta_end (Ho et al. 2020); element 0 is 0. Throws Error unless steps
/// >= 1 and 0 < beta_start <= beta_end < 1.
std::vector<double> linear_betas(int steps, double beta_start, double beta_end);

/// √β_1..√β_N on a line from √beta_start to √beta_end (Rombach et al. 2022; diffusers' scaled_linear);
/// element 0 is 0. Throws Error as linear_betas.
std::vector<double> scaled_linear_betas(int steps, double beta_start, double beta_end);

/// β_n = min(1 − f(n/N)/f((n−1)/N), 0.999), f(u) = cos²(π/2·(u + 0.008)/1.008) (Nichol & Dhariwal 2021;
/// diffusers' squaredcos_cap_v2); element 0 is 0. Throws Error unless steps >= 1.
std::vector<double> cosine_betas(int steps);

/// β_n = beta_start + (beta_end − beta_start)·sigmoid(x_n), x_1..x_N on a line from −6 to 6 (Xu et al. 2022,
/// GeoDiff; diffusers' sigmoid); element 0 is 0. Throws Error as linear_betas.
std::vector<double> sigmoid_betas(int steps, double beta_start, double beta_end);

/// β_n = min(1 − f(n/N)/f((n−1)/N), 0.999), f(u) = √(SNR/(1+SNR)), log SNR = −½ sgn(½−u) ln(1−2|½−u|+1e-6):
/// diffusers' laplace, after the Laplace distribution of log SNR of Hang et al. 2024 with μ = 0 and b = ½.
/// The package's root makes ᾱ_n f(n/N)/f(0) rather than the paper's SNR/(1+SNR). Element 0 is 0. Throws Error
/// unless steps >= 1.
std::vector<double> laplace_betas(int steps);

/// The schedule whose last level keeps nothing of the image (Lin et al. 2023, algorithm 1; diffusers'
/// rescale_betas_zero_snr): √ᾱ_n shifted and scaled so that √ᾱ_1 stays and √ᾱ_N = 0, hence β_N = 1. Element 0
/// is 0. Throws Error unless there are two steps or more and √ᾱ falls.
std::vector<double> rescaled_to_zero_terminal_snr(const std::vector<double>& betas);

/// The variance-preserving SDE (Song et al. 2021) at time 0..1: β on a line from 1000·beta_start to
/// 1000·beta_end (0.1 and 20 at the defaults, whatever the number of steps), and log ᾱ = −∫β.
double vp_beta(double time, double beta_start, double beta_end);
double vp_log_alpha_bar(double time, double beta_start, double beta_end);

/// Its β_n, exactly those of the SDE at the times n/N: 1 − ᾱ(n/N)/ᾱ((n−1)/N); element 0 is 0. The linear
/// schedule at N = 1000 is their first order. Throws Error as linear_betas.
std::vector<double> vp_betas(int steps, double beta_start, double beta_end);

/// "linear", "scaled_linear", "cosine", "sigmoid", "laplace" or "vp"; throws Error for another name. The
/// cosine and Laplace schedules have no use for beta_start and beta_end.
std::vector<double> betas_from_name(const std::string& schedule, int steps, double beta_start,
                                    double beta_end);

/// log ᾱ_0..log ᾱ_N with ᾱ_n = Π_{i<=n} (1 − β_i); −infinity from where β = 1.
std::vector<double> log_alpha_bars(const std::vector<double>& betas);

/// Blur widths σ_0 = 0, σ_k = exp(log σ_min (K−k)/(K−1) + log σ_max (k−1)/(K−1)) in pixels for k = 1..K
/// (IHDM, B.5). The heat equation reaches them at the times t_k = σ_k²/2. Throws Error unless K >= 2 and 0 <
/// sigma_min < sigma_max.
std::vector<double> blur_sigmas(int steps, double sigma_min, double sigma_max);

} // namespace heat::processes
