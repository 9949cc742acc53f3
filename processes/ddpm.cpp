#include "processes/ddpm.h"

#include "processes/continuous_tables.h"
#include "processes/schedule.h"
#include "processes/score_sde.h"

#include <cmath>

namespace heat::processes {

namespace {
DiagonalModel ddpm_model(const std::vector<double>& betas, Prediction prediction, Variance variance,
                         const LossWeight& loss_weight) {
    const std::vector<double> levels = log_alpha_bars(betas);
    DiagonalModel model{Basis::pixel, variance_preserving_tables(levels), {1.0}, prediction, variance, -1.f,
                        1.f};
    model.loss_weight = loss_weight;
    if (!model.tables.ends_in_noise()) model.continuous = variance_preserving_levels(levels);
    return model;
}
} // namespace

Ddpm::Ddpm(ImageSize size, std::vector<double> betas, Prediction prediction, Variance variance, Device device,
           const LossWeight& loss_weight)
    : DiagonalProcess(size, ddpm_model(betas, prediction, variance, loss_weight), device),
      betas_(std::move(betas)) {}

std::vector<ReportEntry> Ddpm::report() const {
    std::vector<ReportEntry> entries = DiagonalProcess::report();
    const double alpha_bar = std::exp(2.0 * model().tables.log_a(steps(), 0));
    entries.insert(entries.begin() + 1,
                   {"alpha_bar_last", alpha_bar, "ᾱ_N: the share of the data's variance left at level N"});
    return entries;
}

std::vector<TableColumn> noise_columns(const std::vector<double>& betas) {
    const DiagonalTables levels = variance_preserving_tables(log_alpha_bars(betas));
    TableColumn alpha_bar{"alpha_bar", {}}, variance{"posterior_variance", {0.0}};
    for (int t = 0; t <= levels.levels(); ++t) {
        alpha_bar.values.push_back(std::exp(2.0 * levels.log_a(t, 0)));
        if (t > 0) variance.values.push_back(posterior(levels, t - 1, t, 0).variance);
    }
    return {alpha_bar, {"beta", betas}, variance};
}

std::vector<TableColumn> Ddpm::tables() const {
    std::vector<TableColumn> columns = noise_columns(betas_);
    columns.push_back(snr_column(model().tables));
    add_loss_weight(columns);
    return columns;
}

} // namespace heat::processes
