#include "processes/classifier_guidance.h"

#include "kernels/error.h"
#include "processes/combination.h"
#include "processes/solver.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {
namespace {

const DiagonalProcess& guidable(const Process& process) {
    const auto* diagonal = dynamic_cast<const DiagonalProcess*>(&process);
    if (!diagonal || diagonal->model().basis != Basis::pixel || !diagonal->model().input_gains.empty() ||
        diagonal->model().view)
        throw Error(fmt::format("process {}: a classifier guides processes of noise on pixels alone, as "
                                "ddpm; use --guidance",
                                process.name()));
    return *diagonal;
}

/// d(output)/dε at a level, the state held.
double output_per_epsilon(const DiagonalTables& tables, Prediction prediction, int t) {
    switch (prediction) {
    case Prediction::epsilon:
        return 1.0;
    case Prediction::x0:
        return -std::exp(tables.log_s(t, 0) - tables.log_a(t, 0));
    case Prediction::v:
        return tables.norm(t, 0) / tables.a(t, 0);
    }
    throw Error("output_per_epsilon: no such prediction");
}

/// The variance of an ancestral step t → s over what ε̂ is multiplied by in its mean, (a_s/a_t)·s²_{t|s}/s_t.
double ancestral_shift(const DiagonalTables& tables, Variance variance, int s, int t) {
    const double ratio = std::exp(tables.log_a(t, 0) - tables.log_a(s, 0));
    if (variance == Variance::large) return ratio * tables.s(t, 0);
    return s == 0 ? 0.0 : ratio * tables.s(s, 0) * tables.s(s, 0) / tables.s(t, 0);
}

} // namespace

std::vector<double> classifier_guidance_factors(const Process& process, const SampleRequest& request,
                                                double scale) {
    if (!(scale >= 0.0 && scale <= 1e6))
        throw Error(fmt::format("classifier scale {}: expected a number from 0 to 10^6", scale));
    const DiagonalProcess& diagonal = guidable(process);
    const DiagonalTables& tables = diagonal.model().tables;
    const std::string solver = request.solver.empty() ? process.solvers().front() : request.solver;
    std::vector<double> factors(size_t(process.steps()), 0.0);
    if (solver == "ancestral") {
        const Variance variance =
            request.variance.empty() ? diagonal.model().variance : variance_from_name(request.variance);
        const std::vector<int> levels =
            sampling_levels(request.spacing.empty() ? "leading" : request.spacing, process.steps(),
                            request.steps == 0 ? process.steps() : request.steps);
        for (size_t i = 0; i + 1 < levels.size(); ++i)
            factors[size_t(levels[i]) - 1] = ancestral_shift(tables, variance, levels[i + 1], levels[i]);
    } else {
        for (int t = 1; t <= process.steps(); ++t) factors[size_t(t) - 1] = tables.s(t, 0);
    }
    for (int t = 1; t <= process.steps(); ++t)
        factors[size_t(t) - 1] *= -scale * output_per_epsilon(tables, diagonal.model().prediction, t);
    return factors;
}

ClassifierGuidedDenoiser::ClassifierGuidedDenoiser(Denoiser& network, NoisyClassifier& classifier,
                                                   ClassLabels labels, std::vector<double> factors)
    : network_(network), classifier_(classifier), labels_(std::move(labels)), factors_(std::move(factors)) {
    if (labels_.empty()) throw Error("a classifier guides to a class: choose one with --label");
}

void ClassifierGuidedDenoiser::begin_batch(uint32_t first_image, int64_t count) {
    network_.begin_batch(first_image, count);
    first_image_ = first_image;
    batch_labels_ = Tensor();
}

Tensor ClassifierGuidedDenoiser::predict(const Tensor& x, const Tensor& timesteps) {
    const int64_t count = x.shape()[0];
    if (!batch_labels_.defined() || batch_labels_.count() != count)
        batch_labels_ = labels_.of(first_image_, count, x.device());
    if (!table_.defined())
        table_ = upload_table(std::vector<float>(factors_.begin(), factors_.end()), 1, x.device());
    std::vector<int32_t> rows;
    for (const float timestep : timesteps.to_host()) { // the level less one
        if (!(timestep >= 0.f && timestep < float(factors_.size()) && timestep == std::floor(timestep)))
            throw Error(fmt::format("classifier guidance: timestep {} is between the levels: choose a solver "
                                    "that keeps to them",
                                    timestep));
        rows.push_back(int32_t(timestep));
    }
    const Tensor output = network_.predict(x, timesteps);
    expect_same("network output", x, output);
    const Tensor gradient = classifier_.gradient(x, timesteps, batch_labels_);
    const Tensor row_of_image = Tensor::from_host(Shape{count}, rows, x.device());
    Tensor shifted(x.shape(), Dtype::f32, x.device());
    combine({{output, {}}, {gradient, table_}}, row_of_image.data<int32_t>(), shifted);
    return shifted;
}

} // namespace heat::processes
