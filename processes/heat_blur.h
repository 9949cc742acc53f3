#pragma once

#include "processes/process.h"

namespace heat::processes {

/// The heat equation at a schedule of times, F(t_k)u = IDCT-II(e^{−μ t_k} DCT-II(u)): the blur of IHDM and of
/// cold diffusion (docs/math.md, "IHDM"). Widths are blur_sigmas (processes/schedule.h), t_k = σ_k²/2.
class HeatBlur {
public:
    /// Throws Error unless levels >= 2 and 0 < sigma_min < sigma_max.
    HeatBlur(ImageSize size, int levels, double sigma_min, double sigma_max, Device device);

    int levels() const { return int(sigmas_.size()) - 1; }
    int modes() const { return int(mu_.size()); }
    /// t_k of level 0..K.
    double time(int level) const { return sigmas_[size_t(level)] * sigmas_[size_t(level)] / 2; }
    /// log of the gain e^{−μ t_k} on a DCT mode (row-major position) at level 0..K.
    double log_gain(int level, int mode) const { return -mu_[size_t(mode)] * time(level); }
    /// The gains as a table in device memory whose row 0 is level `first`, −1 or higher. Level −1 is there so
    /// that row k of a table from it is level k − 1; its own values mean nothing.
    Tensor gains_from(int first) const;

    /// F(t_k)u for one level, and for one of each image (i32 in device memory). Images f32 N×H×W×C.
    Tensor blur(const Tensor& images, int level) const;
    Tensor blur_each(const Tensor& images, const int32_t* levels) const;

    /// What a report says of a blur: widths, modes, and what is lost of them at the last level.
    std::vector<ReportEntry> report() const;
    /// time t_k and blur_sigma σ_k in pixels, log10_smallest_gain of the blur.
    std::vector<TableColumn> tables() const;

private:
    std::vector<double> sigmas_, mu_;
    Tensor gains_; ///< levels −1..K
};

} // namespace heat::processes
