#include "processes/loss_weight.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace heat::processes {

namespace {

constexpr LossWeightKind kinds[] = {LossWeightKind::uniform, LossWeightKind::min_snr, LossWeightKind::p2,
                                    LossWeightKind::vlb};

double highest_log_snr(const DiagonalTables& tables, int t) {
    double highest = -std::numeric_limits<double>::infinity();
    for (int p = 0; p < tables.width(); ++p) highest = std::max(highest, tables.log_snr(t, p));
    return highest;
}

/// What an error of û_0 counts: its square is SNR^{-1} times that of ε̂.
double clean_weight(const DiagonalTables& tables, Variance variance, const LossWeight& weight, int t,
                    double snr) {
    switch (weight.kind) {
    case LossWeightKind::min_snr:
        return std::min(snr, weight.gamma);
    case LossWeightKind::p2:
        return snr * std::pow(weight.k + snr, -weight.gamma);
    default:
        break;
    }
    const double mean = posterior(tables, t - 1, t, 0).clean;
    const double sigma_squared = variance == Variance::large ? transition(tables, t - 1, t, 0).variance
                                                             : clipped_posterior_variance(tables, t, 0);
    return mean * mean / (2 * sigma_squared);
}

} // namespace

const char* name_of(LossWeightKind kind) {
    switch (kind) {
    case LossWeightKind::min_snr:
        return "min-snr";
    case LossWeightKind::p2:
        return "p2";
    case LossWeightKind::vlb:
        return "vlb";
    default:
        return "uniform";
    }
}

LossWeightKind loss_weight_from_name(const std::string& name) {
    for (const auto kind : kinds)
        if (name == name_of(kind)) return kind;
    throw Error(fmt::format("unknown loss weight '{}': expected uniform, min-snr, p2 or vlb", name));
}

double clipped_posterior_variance(const DiagonalTables& tables, int t, int p) {
    if (tables.levels() < 2)
        throw Error(
            "process.steps = 1: the variational bound takes its first variance from level 2; choose 2 or "
            "more");
    t = std::max(t, 2);
    return posterior(tables, t - 1, t, p).variance;
}

std::vector<double> loss_weights(const DiagonalTables& tables, Prediction prediction, Variance variance,
                                 const LossWeight& weight) {
    if (!(weight.gamma > 0 && weight.k > 0))
        throw Error(fmt::format("loss weight {} with gamma {} and k {}: expected both above 0",
                                name_of(weight.kind), weight.gamma, weight.k));
    if (weight.kind == LossWeightKind::vlb && tables.width() > 1)
        throw Error("process.loss_weight = vlb is another number for each eigenvalue of this process: choose "
                    "min-snr, p2 or uniform");
    if (weight.kind == LossWeightKind::vlb && variance == Variance::learned)
        throw Error(
            "process.loss_weight = vlb beside variance learned, whose loss has the bound: choose uniform, "
            "min-snr or p2");
    std::vector<double> weights{0.0};
    for (int t = 1; t <= tables.levels(); ++t) {
        double value = 1;
        if (weight.kind != LossWeightKind::uniform) {
            const double snr = std::exp(highest_log_snr(tables, t));
            value = clean_weight(tables, variance, weight, t, snr);
            if (prediction == Prediction::epsilon) value /= snr;
            if (prediction == Prediction::v) value /= 1 + snr;
        }
        if (!std::isfinite(float(value)))
            throw Error(fmt::format("loss weight {} of level {} is {}: choose another, or a milder schedule",
                                    name_of(weight.kind), t, value));
        weights.push_back(value);
    }
    return weights;
}

} // namespace heat::processes
