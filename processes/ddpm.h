#pragma once

#include "processes/diagonal_process.h"

namespace heat::processes {

/// alpha_bar, beta and posterior_variance (β̃ of the step to the level below) of β_0 = 0, β_1..β_N.
std::vector<TableColumn> noise_columns(const std::vector<double>& betas);

/// Denoising diffusion (Ho et al. 2020): the pixel basis, a = √ᾱ, s = √(1−ᾱ), prior N(0, 1), data in −1..1.
class Ddpm : public DiagonalProcess {
public:
    /// betas: β_0 = 0, β_1..β_N (processes/schedule.h).
    Ddpm(ImageSize size, std::vector<double> betas, Prediction prediction, Variance variance, Device device,
         const LossWeight& loss_weight = {});

    std::string name() const override { return "ddpm"; }
    bool starts_from_white_noise() const override { return true; }
    /// Adds alpha_bar_last.
    std::vector<ReportEntry> report() const override;
    /// noise_columns, snr (infinite at level 0), and loss_weight where it is not uniform.
    std::vector<TableColumn> tables() const override;

private:
    std::vector<double> betas_;
};

} // namespace heat::processes
