#include "processes/plan_writer.h"

#include <cmath>

namespace heat::processes {

double psi(int k, double z) {
    if (k == 0) return std::expm1(z);
    if (std::abs(z) >= 1.0) {
        double value = std::expm1(z), factorial = 1;
        for (int i = 1; i <= k; ++i) value = value / z - 1.0 / (factorial *= i);
        return value;
    }
    double factorial = 1, power = 1, sum = 0; // the recursion would cancel
    for (int i = 1; i <= k; ++i) factorial *= i;
    for (int j = 1; j <= 18; ++j) sum += (power *= z) / (factorial *= j + k);
    return sum;
}

PlanWriter::PlanWriter(const SamplingPath& path, const StepSettings& settings, Converted converted,
                       int predictions, bool with_estimate)
    : path_(path), settings_(settings), converted_(converted), folded_(predictions == 1),
      plan_(network_calls(settings, path.last), path.tables.width()) {
    plan_.predictions = folded_ ? 0 : predictions;
    plan_.estimated = settings.clip || with_estimate;
}

double PlanWriter::base(int from, int target, int p) const {
    return converted_ == Converted::clean ? std::exp(log_s(target, p) - log_s(from, p))
                                          : std::exp(log_a(target, p) - log_a(from, p));
}

void PlanWriter::stage(int node) {
    ++stage_;
    plan_.stages.push_back({path_.last - node, false});
    const int t = path_.last - node;
    for (int p = 0; p < width(); ++p) {
        if (plan_.estimated) plan_.set_estimate(stage_, t, path_, settings_.prediction, p);
        if (folded_) continue;
        const auto set = [&](Register r, double c) { plan_.prediction.set(stage_, r, p, c, level()); };
        if (settings_.clip && converted_ == Converted::clean) {
            set(Register::clean, 1.0);
        } else if (settings_.clip) {
            set(Register::state, std::exp(-log_s(node, p)));
            set(Register::clean, -std::exp(lambda(node, p)));
        } else {
            const CleanCoefficients c =
                converted_ == Converted::noise
                    ? noise_coefficients(path_.tables, settings_.prediction, t, p)
                    : scaled_clean_coefficients(path_.tables, settings_.prediction, t, t, p);
            set(Register::state, c.state);
            set(Register::output, c.output);
        }
    }
}

double PlanWriter::factor(int k, int target, int p, double of) const {
    if (of == 0.0 || converted_ == Converted::noise) return of;
    if (settings_.clip) return std::exp(log_a(target, p)) * of;
    const int node = path_.last - plan_.stages[size_t(stage_ - k)].node; // of that prediction
    return std::exp(log_a(target, p) - log_a(node, p)) * of;
}

void PlanWriter::update(int p, int target, Register from, const Weights& weights) {
    const auto add = [&](Register r, double c) { plan_.update.add(stage_, r, p, c, level()); };
    const int t = plan_.stages.back().node, node = path_.last - t;
    add(from, weights.base);
    add(Register::noise, weights.noise);
    if (weights.noise != 0.0) plan_.stages.back().noise = true;
    if (!folded_) {
        for (int k = 0; k < plan_.predictions; ++k)
            add(prediction_register(k), factor(k, target, p, weights.of[size_t(k)]));
        return;
    }
    const double first = factor(0, target, p, weights.of[0]);
    if (settings_.clip && converted_ == Converted::clean) {
        add(Register::clean, first);
    } else if (settings_.clip) {
        add(Register::state, first * std::exp(-log_s(node, p)));
        add(Register::clean, -first * std::exp(lambda(node, p)));
    } else {
        const CleanCoefficients c =
            converted_ == Converted::noise
                ? noise_coefficients(path_.tables, settings_.prediction, t, p)
                : scaled_clean_coefficients(path_.tables, settings_.prediction, t, t, p);
        add(Register::state, first * c.state);
        add(Register::output, first * c.output);
    }
}

void PlanWriter::keep(int p) {
    plan_.keeps = true;
    plan_.correction.set(stage_, Register::state, p, 1.0, level());
}

void PlanWriter::correct(int p, const Weights& weights) {
    const auto set = [&](Register r, double c) { plan_.correction.set(stage_, r, p, c, level()); };
    const int node = path_.last - plan_.stages.back().node;
    set(Register::kept, weights.base);
    for (int k = 0; k < plan_.predictions; ++k)
        set(prediction_register(k), factor(k, node, p, weights.of[size_t(k)]));
}

} // namespace heat::processes
