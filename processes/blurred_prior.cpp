#include "processes/blurred_prior.h"

#include "kernels/error.h"
#include "kernels/levels.h"
#include "processes/basis.h"
#include "processes/combination.h"
#include "processes/sample_noise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {
constexpr double least_gain = 1e-6;
}

BlurredPrior::BlurredPrior(const HeatBlur& blur, ImageSize size, std::string owner)
    : size_(size), owner_(std::move(owner)) {
    for (int mode = 0; mode < blur.modes(); ++mode)
        if (blur.log_gain(blur.levels(), mode) > std::log(least_gain)) modes_.push_back(mode);
}

void BlurredPrior::add(const HeatBlur& blur, const Tensor& images) {
    Tensor damped = to_basis(Basis::dct2, images);
    combine({{damped, blur.gains_from(blur.levels())}}, nullptr, damped);
    const std::vector<float> values = damped.to_host();
    const auto channels = size_t(size_.channels), elements = size_t(size_.elements());
    for (size_t image = 0; image < values.size(); image += elements)
        for (const int32_t mode : modes_) {
            const auto first = values.begin() + int64_t(image + size_t(mode) * channels);
            coefficients_.insert(coefficients_.end(), first, first + int64_t(channels));
        }
}

int64_t BlurredPrior::count() const {
    return int64_t(coefficients_.size()) / (int64_t(modes_.size()) * size_.channels);
}

std::map<std::string, Tensor> BlurredPrior::tensors() const {
    const auto modes = int64_t(modes_.size());
    std::map<std::string, Tensor> tensors;
    tensors["prior.coefficients"] =
        Tensor::from_host(Shape{count(), modes, int64_t(size_.channels)}, coefficients_, Device::cpu);
    tensors["prior.modes"] = Tensor::from_host(Shape{modes}, modes_, Device::cpu);
    return tensors;
}

void BlurredPrior::set(const std::map<std::string, Tensor>& tensors) {
    const auto coefficients = tensors.find("prior.coefficients"), modes = tensors.find("prior.modes");
    if (coefficients == tensors.end() || modes == tensors.end())
        throw Error(fmt::format("{} prior: expected the tensors prior.coefficients and prior.modes", owner_));
    const Tensor positions = modes->second.to(Device::cpu), values = coefficients->second.to(Device::cpu);
    const int32_t* p = positions.data<int32_t>();
    if (!std::equal(modes_.begin(), modes_.end(), p, p + positions.count()))
        throw Error(fmt::format("{} prior: it keeps other modes than this configuration ({}, expected {}); "
                                "sigma_max and the image size must be those of the training run",
                                owner_, positions.count(), modes_.size()));
    const Shape& shape = values.shape();
    if (shape.rank() != 3 || shape[0] < 1 || shape[1] != int64_t(modes_.size()) || shape[2] != size_.channels)
        throw Error(fmt::format("{} prior: expected coefficients of shape images×{}×{}, got {}", owner_,
                                modes_.size(), size_.channels, shape.text()));
    coefficients_ = values.to_host();
}

int64_t BlurredPrior::index(uint64_t seed, uint32_t image) const {
    if (coefficients_.empty())
        throw Error(fmt::format("{} starts from blurred training images, and this process has none: call "
                                "prepare_prior with the training images, or set_prior with those of the run",
                                owner_));
    // Layer 1: layer 0 of the purpose is the noise added to the image.
    return kernels::uniform_index(uint32_t(count()), image, 0, kernels::purpose_word(Purpose::prior, 1),
                                  uint32_t(seed), uint32_t(seed >> 32));
}

Tensor BlurredPrior::images_of(const SampleRequest& request, Device device) const {
    const auto channels = size_t(size_.channels), elements = size_t(size_.elements());
    const NoiseOptions& noise = request.noise;
    std::vector<float> values(size_t(request.count) * elements, 0.f);
    const auto add = [&](int64_t i, uint64_t seed, double share) {
        if (share == 0) return;
        const auto chosen = size_t(index(seed, noise.image_of(request.image_offset + uint32_t(i))));
        auto from = coefficients_.begin() + int64_t(chosen * modes_.size() * channels);
        for (const int32_t mode : modes_)
            for (size_t c = 0; c < channels; ++c)
                values[size_t(i) * elements + size_t(mode) * channels + c] += float(share) * *from++;
    };
    for (int64_t i = 0; i < request.count; ++i) {
        const double way = noise.way_of(request.image_offset + uint32_t(i));
        add(i, request.seed, 1 - way);
        add(i, noise.other_seed.value_or(0), way);
    }
    const Shape shape{request.count, int64_t(size_.height), int64_t(size_.width), int64_t(size_.channels)};
    return from_basis(Basis::dct2, Tensor::from_host(shape, values, device));
}

Tensor BlurredPrior::start(const SampleRequest& request, const HeatBlur& blur, double delta,
                           Device device) const {
    const InitialImages& initial = request.initial;
    Tensor state = initial.defined() ? blur.blur(initial.images, initial.level(blur.levels()))
                                     : images_of(request, device);
    if (delta == 0) return state;
    const Tensor noise = SampleNoise(request, 0, blur.levels(), device).start(state.shape());
    combine({{state, {}}, {noise, upload_table({float(delta)}, 1, device)}}, nullptr, state);
    return state;
}

std::vector<ReportEntry> BlurredPrior::report() const {
    return {
        {"modes_in_prior", double(modes_.size()),
         "modes with a gain above 1e-6 at level K, kept of each training image"},
        {"prior_images", double(count()), "training images in the prior"},
        {"prior_bytes", 4.0 * double(coefficients_.size()), "size of the prior"},
    };
}

} // namespace heat::processes
