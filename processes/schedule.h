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

/// The variance-preserving SDE (Song et al. 2021) at time 0..1: β on a line from 1000·beta_start to
/// 1000·beta_end (0.1 and 20 at the defaults, whatever the number of steps), and log ᾱ = −∫β.
double vp_beta(double time, double beta_start, double beta_end);
double vp_log_alpha_bar(double time, double beta_start, double beta_end);

/// Its β_n, exactly those of the SDE at the times n/N: 1 − ᾱ(n/N)/ᾱ((n−1)/N); element 0 is 0. The linear
/// schedule at N = 1000 is their first order. Throws Error as linear_betas.
std::vector<double> vp_betas(int steps, double beta_start, double beta_end);

/// "vp", "linear", "scaled_linear" or "cosine"; throws Error for another name. The cosine schedule has no use
/// for beta_start and beta_end.
std::vector<double> betas_from_name(const std::string& schedule, int steps, double beta_start,
                                    double beta_end);

/// log ᾱ_0..log ᾱ_N with ᾱ_n = Π_{i<=n} (1 − β_i).
std::vector<double> log_alpha_bars(const std::vector<double>& betas);

/// Blur widths σ_0 = 0, σ_k = exp(log σ_min (K−k)/(K−1) + log σ_max (k−1)/(K−1)) in pixels for k = 1..K
/// (IHDM, B.5). The heat equation reaches them at the times t_k = σ_k²/2. Throws Error unless K >= 2 and 0 <
/// sigma_min < sigma_max.
std::vector<double> blur_sigmas(int steps, double sigma_min, double sigma_max);

} // namespace heat::processes
