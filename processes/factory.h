#pragma once

#include "processes/process.h"

#include <memory>
#include <optional>

namespace heat::processes {

/// The [process] part of a configuration. What is left empty takes the kind's default.
struct ProcessConfig {
    std::string kind = "ddpm";     ///< one of process_kinds()
    std::optional<int> steps = {}; ///< levels; 200 (ihdm, cold), 1000 (the others)

    // ddpm, hdm; prediction and variance also blurring, ve, sub-vp; betas also sub-vp
    std::string schedule = "linear"; ///< linear, scaled_linear, cosine, sigmoid, laplace or vp
    double beta_start = 1e-4;        ///< of linear, scaled_linear, sigmoid and vp
    double beta_end = 0.02;
    bool zero_terminal_snr = false;     ///< rescaled so that level N is noise alone; for predictions v and x0
    std::string prediction = "epsilon"; ///< epsilon, x0 or v
    std::string variance = "small";     ///< of ancestral steps: small, large or (ddpm) learned
    std::string loss_weight = "uniform";   ///< of levels in training: uniform, min-snr, p2 or vlb
    std::optional<double> loss_gamma = {}; ///< of min-snr, 5, and p2, 1
    double loss_k = 1;                     ///< of p2

    // ihdm, cold; sigma_max also blurring
    double sigma_min = 0.5;               ///< blur width at level 1, pixels
    std::optional<double> sigma_max = {}; ///< blur width at the last level, pixels; half the longer side
    double sigma = 0.01;                  ///< ihdm: training noise
    std::optional<double> delta = {};     ///< ihdm: sampling noise; 1.25 sigma. cold: of the prior; 0

    // blurring
    double d_min = 0.001; ///< what the blur leaves of a mode at least

    // ve, edm
    std::optional<double> noise_min = {}; ///< deviation of the noise at level 1; 0.01 (ve), 0.002 (edm)
    std::optional<double> noise_max = {}; ///< at the last level; 50 (ve), 80 (edm)
    // edm
    double sigma_data = 0.5;                         ///< deviation of the data in −1..1
    double rho = 7;                                  ///< of the levels
    double noise_mean = -1.2, noise_deviation = 1.2; ///< of log σ in training

    // hdm
    std::optional<double> k = {};    ///< "process.K", heat of a step; heat/steps
    std::optional<double> heat = {}; ///< of all steps; 0.5
    double theta = 0.5;              ///< 1 explicit, 0 implicit
    std::string boundary = {};       ///< adiabatic (hdm), half-sample (blurring) unless set
    std::string input = {};          ///< what the network sees: u, v or normalised; the last, or u by solver;
                                     ///< of ve too: u or normalised
    std::string operation = "heat";  ///< "process.operator": heat, or random
    std::string solver = "spectral"; ///< spectral, dense, sparse or iterative
    double gain_floor = 0;           ///< of A^N; 0: none
    double condition_limit = 1e4;    ///< of A^N
};

/// Whether the network predicts the variance of its steps too: its output has twice the images' channels.
inline bool learns_variance(const ProcessConfig& config) {
    return config.variance == "learned" && (config.kind == "ddpm" || config.kind == "hdm");
}

/// "ddpm", "ihdm", "hdm", "blurring", "cold", "ve", "sub-vp", "edm".
std::vector<std::string> process_kinds();

/// The process of a configuration for images of one size. Throws Error for unknown names and impossible
/// numbers.
std::unique_ptr<Process> make_process(const ProcessConfig& config, ImageSize size, Device device);

} // namespace heat::processes
