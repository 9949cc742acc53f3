#include "processes/heat_blur.h"

#include "kernels/error.h"
#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/schedule.h"

#include <fmt/format.h>

#include <cmath>

namespace heat::processes {

HeatBlur::HeatBlur(ImageSize size, int levels, double sigma_min, double sigma_max, Device device)
    : sigmas_(blur_sigmas(levels, sigma_min, sigma_max)),
      mu_(eigenvalues(Basis::dct2, size.height, size.width)) {
    std::vector<float> gains(mu_.size(), 0.f);
    for (int k = 0; k <= levels; ++k)
        for (int mode = 0; mode < modes(); ++mode) gains.push_back(float(std::exp(log_gain(k, mode))));
    gains_ = upload_table(gains, modes(), device);
}

Tensor HeatBlur::gains_from(int first) const {
    return gains_.images(first + 1, gains_.shape()[0] - first - 1);
}

Tensor HeatBlur::blur(const Tensor& images, int level) const {
    if (level < 0 || level > levels())
        throw Error(fmt::format("blur to level {}: expected 0 to {}", level, levels()));
    Tensor blurred;
    basis_step(Basis::dct2, {{images, gains_from(level), true}}, nullptr, nullptr, {{&blurred, {}}});
    return blurred;
}

Tensor HeatBlur::blur_each(const Tensor& images, const int32_t* levels) const {
    Tensor blurred;
    basis_step(Basis::dct2, {{images, gains_from(0), true}}, levels, nullptr, {{&blurred, {}}});
    return blurred;
}

std::vector<ReportEntry> HeatBlur::report() const {
    int lost = 0;
    for (int mode = 0; mode < modes(); ++mode) lost += float(std::exp(log_gain(levels(), mode))) == 0.f;
    return {
        {"blur_sigma_first_pixels", sigmas_[1], "blur width at level 1"},
        {"blur_sigma_last_pixels", sigmas_.back(), "blur width at level K"},
        {"modes", double(modes()), "DCT modes of a channel"},
        {"modes_lost_in_float32", double(lost), "modes with a gain of 0 in float32 at level K"},
        {"log10_smallest_gain", log_gain(levels(), modes() - 1) / std::log(10.0),
         "log10 of the smallest gain at level K; the largest gain is 1"},
    };
}

std::vector<TableColumn> HeatBlur::tables() const {
    TableColumn times{"time", {}}, sigma{"blur_sigma", sigmas_}, gain{"log10_smallest_gain", {}};
    for (int k = 0; k <= levels(); ++k) {
        times.values.push_back(time(k));
        gain.values.push_back(log_gain(k, modes() - 1) / std::log(10.0)); // of the largest eigenvalue
    }
    return {times, sigma, gain};
}

} // namespace heat::processes
