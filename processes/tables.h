#pragma once

#include <cstddef>
#include <vector>

namespace heat::processes {

/// u_t = a_t u_0 + s_t ε per eigenvalue (docs/math.md §1): a_t and s_t over the levels t = 0..N (0 = data),
/// in float64 and as logarithms, because a_t of a blur leaves the range of any float. `width` is the number
/// of eigenvalues, or 1 where all share one coefficient.
class DiagonalTables {
public:
    /// log a and log s, (levels + 1) × width, level by level; −infinity stands for 0. a_t may be 0 at the
    /// last level alone (zero terminal signal), where no formula that divides by a_t has an answer:
    /// prediction ε is refused there (processes/diagonal_process.h). Throws Error for another size, or where
    /// a_t is 0 before.
    DiagonalTables(int levels, int width, std::vector<double> log_a, std::vector<double> log_s);

    int levels() const { return levels_; }
    int width() const { return width_; }

    double log_a(int t, int p) const { return log_a_[index(t, p)]; }
    double log_s(int t, int p) const { return log_s_[index(t, p)]; }
    double a(int t, int p) const;
    double s(int t, int p) const;
    /// √(a_t² + s_t²): the deviation of u_t where the data have unit second moment.
    double norm(int t, int p) const;
    /// log(a_t²/s_t²): +infinity where there is no noise.
    double log_snr(int t, int p) const;
    /// Whether the last level keeps nothing of some eigenvalue: a_N = 0.
    bool ends_in_noise() const;

private:
    size_t index(int t, int p) const { return size_t(t) * size_t(width_) + size_t(p); }

    int levels_, width_;
    std::vector<double> log_a_, log_s_;
};

/// Variance-preserving tables of width 1: a = √ᾱ, s = √(1−ᾱ), from log ᾱ_0..log ᾱ_N (log ᾱ_0 = 0).
DiagonalTables variance_preserving_tables(const std::vector<double>& log_alpha_bar);

/// q(u_t | u_s) = N(a u_s, variance) for s < t: a = a_t/a_s, variance = s_t² − a² s_s² = −s_t² expm1(log
/// SNR_t − log SNR_s).
struct Transition {
    double a = 0, variance = 0;
};
Transition transition(const DiagonalTables& tables, int s, int t, int p);

/// q(u_s | u_t, u_0) = N(state·u_t + clean·u_0, variance) for s < t, of a Markov process:
/// state = a_{t|s} s_s²/s_t², clean = a_s s²_{t|s}/s_t², variance = s_s² s²_{t|s}/s_t².
struct Posterior {
    double state = 0, clean = 0, variance = 0;
};
Posterior posterior(const DiagonalTables& tables, int s, int t, int p);

/// Whether the signal-to-noise ratio of every eigenvalue never rises with the level and every level above 0
/// has noise: what a Markov chain with these marginals needs.
bool is_markov(const DiagonalTables& tables);

/// Whether a_{t|s} s_s/s_t is the same number for all eigenvalues (of each pair of levels above 0), so that
/// white noise, whatever its covariance in the basis, has that of the posterior when it is multiplied by √v.
bool shares_noise(const DiagonalTables& tables);

} // namespace heat::processes
