#include "processes/tables.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace heat::processes {

DiagonalTables::DiagonalTables(int levels, int width, std::vector<double> log_a, std::vector<double> log_s)
    : levels_(levels), width_(width), log_a_(std::move(log_a)), log_s_(std::move(log_s)) {
    const size_t expected = size_t(levels + 1) * size_t(width);
    if (levels < 1 || width < 1 || log_a_.size() != expected || log_s_.size() != expected)
        throw Error(
            fmt::format("tables of {} levels and {} eigenvalues take {} values, got {} for a and {} for s",
                        levels, width, expected, log_a_.size(), log_s_.size()));
    const double nothing = -std::numeric_limits<double>::infinity();
    const size_t last = size_t(levels) * size_t(width);
    for (size_t i = 0; i < log_a_.size(); ++i)
        if (!std::isfinite(log_a_[i]) && !(i >= last && log_a_[i] == nothing))
            throw Error(fmt::format("tables: log a must be finite below the last level, got {}", log_a_[i]));
}

double DiagonalTables::a(int t, int p) const {
    return std::exp(log_a(t, p));
}
double DiagonalTables::s(int t, int p) const {
    return std::exp(log_s(t, p));
}
double DiagonalTables::norm(int t, int p) const {
    return std::hypot(a(t, p), s(t, p));
}
double DiagonalTables::log_snr(int t, int p) const {
    return 2.0 * (log_a(t, p) - log_s(t, p));
}

bool DiagonalTables::ends_in_noise() const {
    for (int p = 0; p < width_; ++p)
        if (std::isinf(log_a(levels_, p))) return true;
    return false;
}

DiagonalTables variance_preserving_tables(const std::vector<double>& log_alpha_bar) {
    std::vector<double> log_a, log_s;
    for (const double value : log_alpha_bar) {
        log_a.push_back(0.5 * value);
        log_s.push_back(0.5 * std::log(-std::expm1(value)));
    }
    return DiagonalTables(int(log_alpha_bar.size()) - 1, 1, std::move(log_a), std::move(log_s));
}

Transition transition(const DiagonalTables& tables, int s, int t, int p) {
    const double s_t = tables.s(t, p);
    return {std::exp(tables.log_a(t, p) - tables.log_a(s, p)),
            -s_t * s_t * std::expm1(tables.log_snr(t, p) - tables.log_snr(s, p))};
}

Posterior posterior(const DiagonalTables& tables, int s, int t, int p) {
    // As ratios of standard deviations, so that tiny s_s and s_t do not underflow when squared.
    const double ratio = std::exp(tables.log_s(s, p) - tables.log_s(t, p));        // s_s / s_t
    const double fresh = -std::expm1(tables.log_snr(t, p) - tables.log_snr(s, p)); // s²_{t|s} / s_t²
    const double a = std::exp(tables.log_a(t, p) - tables.log_a(s, p));
    const double s_s = tables.s(s, p);
    return {a * ratio * ratio, tables.a(s, p) * fresh, s_s * s_s * fresh};
}

bool is_markov(const DiagonalTables& tables) {
    for (int t = 1; t <= tables.levels(); ++t)
        for (int p = 0; p < tables.width(); ++p)
            if (!std::isfinite(tables.log_s(t, p)) || tables.log_snr(t, p) > tables.log_snr(t - 1, p))
                return false;
    return true;
}

bool shares_noise(const DiagonalTables& tables) {
    for (int t = 2; t <= tables.levels(); ++t)
        for (int p = 1; p < tables.width(); ++p) {
            const auto lost = [&](int q) { return tables.log_snr(t, q) - tables.log_snr(t - 1, q); };
            if (lost(p) == lost(0)) continue; // all of it, at a last level of noise
            if (!std::isfinite(lost(p)) || std::abs(lost(p) - lost(0)) > 1e-9 * (1.0 + std::abs(lost(0))))
                return false;
        }
    return true;
}

} // namespace heat::processes
