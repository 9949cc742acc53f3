#pragma once

#include "processes/probability_flow.h"

namespace heat::processes {

/// What estimates the trace of the network's Jacobian: white probes of signs or normals (Hutchinson), or
/// every axis in turn, which is exact and takes a call of the network for each element.
enum class Probe { rademacher, gaussian, exact };
/// "rademacher", "gaussian", "exact"; throws Error for another name.
Probe probe_from_name(const std::string& name);

struct LikelihoodOptions {
    Probe probe = Probe::rademacher;
    int probes = 1; ///< per image, of rademacher and gaussian; the same through all levels
    double rtol = 1e-5, atol = 1e-5;
    uint64_t seed = 0;         ///< of the probes
    uint32_t image_offset = 0; ///< image i draws the probes of image `image_offset + i`
};

struct Likelihood {
    std::vector<double> log_density;    ///< per image, nats, of the images in the process's data range
    std::vector<double> standard_error; ///< per image, of the mean over probes; NaN for one, 0 for exact
    std::vector<int> evaluations;       ///< per image, of the flow; each takes a network call a probe
};

/// log p(u_0) of images (f32 N×H×W×C in the data range) by the probability flow (docs/math.md,
/// "Likelihood"): a_1 u_0 is taken as the state at level 1 and followed to level N. Throws Error where the
/// basis is not orthonormal, for a process behind a StateView, and for impossible options.
Likelihood log_likelihood(const DiagonalProcess& process, DifferentiableDenoiser& denoiser,
                          const Tensor& images, const LikelihoodOptions& options);

/// Bits per dimension of 8-bit images whose log density in the data range low..high, 256 steps wide, is this.
double bits_per_dimension(double log_density, const Process& process);

/// Bytes (f32 0..255, N×H×W×C) as real numbers of the data range: low + (high − low)·(byte + u)/256 with u
/// uniform in 0..1 by the seed, image i being image `image_offset + i`.
Tensor dequantized(const Process& process, const Tensor& bytes, uint64_t seed, uint32_t image_offset);

} // namespace heat::processes
