#pragma once

namespace heat::reference {

/// KL divergence of N(·, e^log_of) from N(·, e^log_from), whose means differ by `difference`, in nats.
double gaussian_divergence(double difference, double log_of, double log_from);

/// −log of the chance that N(mean, e^log_variance) falls within 1/255 of x, in nats; beyond ±0.999 the bin
/// goes on without end. At most −log 1e-12 (Ho et al. 2020, eq. 13, as improved-diffusion has it).
double negative_log_likelihood(double x, double mean, double log_variance);

} // namespace heat::reference
