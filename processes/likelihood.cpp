#include "processes/likelihood.h"

#include "kernels/error.h"
#include "processes/combination.h"
#include "processes/runge_kutta.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace heat::processes {

Probe probe_from_name(const std::string& name) {
    if (name == "rademacher") return Probe::rademacher;
    if (name == "gaussian") return Probe::gaussian;
    if (name == "exact") return Probe::exact;
    throw Error(fmt::format("unknown probe '{}': expected rademacher, gaussian or exact", name));
}

namespace {

/// Probes of all images: white noise of Purpose::step_noise, layer 0xff00 + probe, or their signs.
std::vector<Tensor> random_probes(const LikelihoodOptions& options, const Shape& shape, Device device) {
    const RandomState random(options.seed, device);
    std::vector<Tensor> probes;
    for (int k = 0; k < options.probes; ++k) {
        Tensor probe =
            normal(random, shape, Purpose::step_noise, options.image_offset, 0xff00u + uint32_t(k));
        if (options.probe == Probe::rademacher) {
            std::vector<float> values = probe.to_host();
            for (float& value : values) value = value < 0 ? -1.f : 1.f;
            probe = Tensor::from_host(shape, values, device);
        }
        probes.push_back(std::move(probe));
    }
    return probes;
}

/// One axis for all images.
Tensor axis_probe(const Shape& shape, int64_t axis, Device device) {
    const int64_t images = shape[0], elements = shape.count() / images;
    std::vector<float> values(size_t(shape.count()), 0.f);
    for (int64_t i = 0; i < images; ++i) values[size_t(i * elements + axis)] = 1.f;
    return Tensor::from_host(shape, values, device);
}

Tensor chosen(const Tensor& all, const std::vector<int>& images) {
    std::vector<int64_t> extents = all.shape().extents();
    extents[0] = int64_t(images.size());
    Tensor rows(Shape(extents), Dtype::f32, all.device());
    for (size_t i = 0; i < images.size(); ++i) {
        Tensor row = rows.images(int64_t(i), 1);
        row.copy_from(all.images(images[i], 1));
    }
    return rows;
}

/// log N(state; 0, deviation²) of one image in the basis.
double log_prior(const float* state, const DiagonalModel& model, int64_t elements, int channels) {
    double sum = 0;
    for (int64_t e = 0; e < elements; ++e) {
        const double deviation = model.prior_deviations[model.tables.width() == 1 ? 0 : size_t(e / channels)];
        const double z = state[e] / deviation;
        sum -= 0.5 * (z * z + std::log(2 * std::numbers::pi)) + std::log(deviation);
    }
    return sum;
}

void check(const DiagonalProcess& process, const Tensor& images, const LikelihoodOptions& options) {
    if (images.shape().rank() != 4 || images.shape()[0] < 1 || images.dtype() != Dtype::f32 ||
        images.shape() !=
            Shape{images.shape()[0], process.size().height, process.size().width, process.size().channels})
        throw Error(fmt::format("likelihood: expected f32 images of N×{}×{}×{}, got {}",
                                process.size().height, process.size().width, process.size().channels,
                                images.shape().text()));
    if (!is_orthonormal(process.model().basis))
        throw Error(fmt::format("likelihood: the {} basis is not orthonormal, and a density there is none of "
                                "images: choose the boundary half-sample or fixed",
                                name_of(process.model().basis)));
    if (options.probes < 1 || options.probes > 128)
        throw Error(fmt::format("likelihood: expected 1 to 128 probes, got {}", options.probes));
    if (options.probe == Probe::exact && process.size().elements() > 1024)
        throw Error(
            fmt::format("likelihood: the exact trace takes a network call for each of the {} elements "
                        "of an image, and is meant for at most 1024: choose rademacher or gaussian",
                        process.size().elements()));
    for (const double tolerance : {options.rtol, options.atol})
        if (!(tolerance >= 1e-6 && tolerance <= 1))
            throw Error(fmt::format("rtol and atol: expected 1e-6 to 1 (states are f32), got {}", tolerance));
}

} // namespace

Likelihood log_likelihood(const DiagonalProcess& process, DifferentiableDenoiser& denoiser,
                          const Tensor& images, const LikelihoodOptions& options) {
    check(process, images, options);
    const DiagonalModel& model = process.model();
    const ProbabilityFlow flow(process);
    const auto count = images.shape()[0], elements = images.count() / count;
    const int width = model.tables.width(), channels = process.size().channels;

    // The state at level 1, and the volume that a_1 takes on the way there.
    std::vector<float> gains;
    double log_volume = 0;
    for (int p = 0; p < width; ++p) {
        gains.push_back(float(model.tables.a(1, p)));
        log_volume += model.tables.log_a(1, p) * double(elements) / width;
    }
    const Tensor coefficients = to_basis(model.basis, images);
    Tensor start(images.shape(), Dtype::f32, images.device());
    combine({{coefficients, upload_table(gains, width, process.device())}}, nullptr, start);

    const bool exact = options.probe == Probe::exact;
    const int scalars = exact ? 1 : options.probes;
    const std::vector<Tensor> probes =
        exact ? std::vector<Tensor>() : random_probes(options, images.shape(), process.device());
    OdeSettings settings;
    settings.from = 1;
    settings.to = process.steps();
    settings.rtol = options.rtol;
    settings.atol = options.atol;
    settings.scalars = scalars;
    const OdeSolution solution = integrate(
        [&](const OdePoint& point) {
            std::vector<Tensor> active;
            if (exact)
                for (int64_t axis = 0; axis < elements; ++axis)
                    active.push_back(axis_probe(point.x.shape(), axis, point.x.device()));
            for (const Tensor& probe : probes) active.push_back(chosen(probe, point.images));
            const auto divergence = flow.rate_and_divergence(denoiser, point.times, point.x, active);
            OdeRate rate{divergence.rate, divergence.linear};
            if (scalars > 1) {
                rate.scalars.clear();
                for (const double linear : divergence.linear)
                    rate.scalars.insert(rate.scalars.end(), size_t(scalars), linear);
            }
            for (size_t k = 0; k < active.size(); ++k)
                for (size_t i = 0; i < point.images.size(); ++i)
                    rate.scalars[i * size_t(scalars) + (exact ? 0 : k)] += divergence.network[k][i];
            return rate;
        },
        start, settings);

    Likelihood result;
    result.evaluations = solution.evaluations;
    const std::vector<float> last = solution.x.to_host();
    for (int64_t i = 0; i < count; ++i) {
        const double* integrals = solution.scalars.data() + i * scalars;
        double mean = 0, squares = 0;
        for (int k = 0; k < scalars; ++k) mean += integrals[k] / scalars;
        for (int k = 0; k < scalars; ++k) squares += std::pow(integrals[k] - mean, 2);
        result.log_density.push_back(log_prior(last.data() + i * elements, model, elements, channels) + mean +
                                     log_volume);
        result.standard_error.push_back(exact         ? 0.0
                                        : scalars > 1 ? std::sqrt(squares / (scalars - 1) / scalars)
                                                      : std::numeric_limits<double>::quiet_NaN());
    }
    return result;
}

double bits_per_dimension(double log_density, const Process& process) {
    const double step = (double(process.data_high()) - double(process.data_low())) / 256;
    return -(log_density / double(process.size().elements()) + std::log(step)) / std::numbers::ln2;
}

Tensor dequantized(const Process& process, const Tensor& bytes, uint64_t seed, uint32_t image_offset) {
    const RandomState random(seed, bytes.device());
    const std::vector<float> places =
        uniform(random, bytes.shape(), Purpose::augmentation, image_offset, 1).to_host();
    std::vector<float> values = bytes.to_host();
    const double low = process.data_low(), range = double(process.data_high()) - low;
    for (size_t e = 0; e < values.size(); ++e)
        values[e] = float(low + range * (std::round(values[e]) + double(places[e])) / 256);
    return Tensor::from_host(bytes.shape(), values, bytes.device());
}

} // namespace heat::processes
