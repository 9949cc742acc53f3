#include "processes/cold_diffusion.h"
#include "processes/factory.h"
#include "processes/solver.h"
#include "support.h"

#include <doctest/doctest.h>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr ImageSize size{6, 9, 2};
constexpr int elements = 6 * 9 * 2;
const ColdDiffusionSettings settings{8, 0.5, 5.0, 0.0};

Tensor random_images(int64_t count, uint64_t seed) {
    return uniform(RandomState(seed, Device::cpu), Shape{count, 6, 9, 2}, Purpose::augmentation);
}

double time_of(int level) {
    if (level == 0) return 0;
    const double sigma = 0.5 * std::pow(5.0 / 0.5, (level - 1) / 7.0);
    return sigma * sigma / 2;
}

Doubles chosen_images(const ColdDiffusion& process, const Doubles& training, const SampleRequest& request) {
    Doubles images;
    for (int64_t i = 0; i < request.count; ++i) {
        const int64_t from = process.prior_index(request.seed, request.image_offset + uint32_t(i)) * elements;
        images.insert(images.end(), training.begin() + from, training.begin() + from + elements);
    }
    return images;
}

} // namespace

TEST_CASE("cold diffusion's training batch recomputed by hand") {
    const ColdDiffusion process(size, settings, Device::cpu);
    RandomState random(5, Device::cpu);
    random.set_step(3);
    const Tensor images = random_images(40, 1);
    const TrainingBatch batch = process.training_batch(images, random, 100);
    const Doubles clean = to_doubles(images), input = to_doubles(batch.input),
                  timesteps = to_doubles(batch.timesteps);
    const std::vector<int32_t> levels = to_integers(batch.levels);
    CHECK(to_doubles(batch.target) == clean);
    CHECK(batch.loss == LossKind::absolute);
    CHECK(batch.scale == doctest::Approx(1.0 / (40 * elements)));
    double worst = 0;
    for (int i = 0; i < 40; ++i) {
        CHECK(timesteps[size_t(i)] == levels[size_t(i)]);
        const Doubles image(clean.begin() + i * elements, clean.begin() + (i + 1) * elements);
        const Doubles blurred = blur(image, Shape{1, 6, 9, 2}, time_of(levels[size_t(i)]));
        for (int e = 0; e < elements; ++e)
            worst = std::max(worst, std::abs(input[size_t(i * elements + e)] - blurred[size_t(e)]));
    }
    CHECK(worst < 3e-6);
}

TEST_CASE("cold diffusion samples by Algorithm 2 from blurred training images") {
    ColdDiffusion process(size, settings, Device::cpu);
    const Tensor images = random_images(10, 4);
    CHECK(process.needs_prior());
    process.prepare_prior(images);
    SampleRequest request;
    request.count = 3;
    request.image_offset = 2;
    request.seed = 8;
    const Shape shape{3, 6, 9, 2};
    const Doubles clean = chosen_images(process, to_doubles(images), request);
    for (const int steps : {8, 3, 1}) {
        CAPTURE(steps);
        request.steps = steps;
        // A network that knows the image returns it, and every state on the way is the image at its level.
        ClosedForm perfect([&](const Doubles&, double) { return clean; });
        request.view = SampleRequest::View::state;
        const Tensor image = process.sample(perfect, request, [&](const SampleStep& step) {
            CHECK(largest_difference(to_doubles(step.image), blur(clean, shape, time_of(step.level))) < 1e-5);
        });
        CHECK(largest_difference(to_doubles(image), clean) < 1e-5);
        CHECK(perfect.seen.front() == 8);

        // Any network: the algorithm as it is written.
        ClosedForm network(golden_network);
        const std::vector<int> levels = sampling_levels("trailing", 8, steps);
        Doubles x = blur(clean, shape, time_of(8));
        std::vector<Doubles> estimates;
        for (size_t i = 0; i + 1 < levels.size(); ++i) {
            const Doubles estimate = golden_network(x, levels[i]);
            const Doubles at = blur(estimate, shape, time_of(levels[i])),
                          to = blur(estimate, shape, time_of(levels[i + 1]));
            for (size_t e = 0; e < x.size(); ++e) x[e] += to[e] - at[e];
            estimates.push_back(estimate);
        }
        request.view = SampleRequest::View::clean;
        const Tensor sample = process.sample(network, request, [&](const SampleStep& step) {
            if (step.step > 0)
                CHECK(largest_difference(to_doubles(step.image), estimates[size_t(step.step - 1)]) < 1e-5);
        });
        CHECK(largest_difference(to_doubles(sample), x) < 1e-5);

        SampleRequest alone = request;
        alone.image_offset = 3;
        alone.count = 1;
        CHECK(largest_difference(to_doubles(process.sample(network, alone)),
                                 to_doubles(sample.images(1, 1))) < 1e-6);
    }

    // δ is noise on the start alone, and stays to the end.
    ColdDiffusion noisy(size, {8, 0.5, 5.0, 0.1}, Device::cpu);
    noisy.set_prior(process.prior());
    request.steps = 0;
    ClosedForm perfect([&](const Doubles&, double) { return clean; });
    Doubles expected = to_doubles(normal(RandomState(8, Device::cpu), shape, Purpose::prior, 2));
    for (size_t e = 0; e < expected.size(); ++e) expected[e] = clean[e] + 0.1 * expected[e];
    CHECK(largest_difference(to_doubles(noisy.sample(perfect, request)), expected) < 1e-5);
}

TEST_CASE("cold diffusion reports itself and refuses what does not fit") {
    const auto process =
        make_process({.kind = "cold", .steps = 20, .sigma_max = 14}, {28, 28, 1}, Device::cpu);
    CHECK(process->name() == "cold");
    CHECK(process->data_low() == 0.f);
    CHECK(process->timestep_of_level(20) == 20.f);
    std::map<std::string, double> report;
    for (const ReportEntry& entry : process->report()) report[entry.name] = entry.value;
    CHECK(report.at("blur_sigma_last_pixels") == doctest::Approx(14));
    CHECK(report.at("prior_noise") == 0);
    CHECK(report.at("modes_in_prior") > 1);
    CHECK(report.at("step_bytes_per_image") == 4 * 784 * (2 * 2 + 3));
    CHECK(process->tables()[1].values[20] == doctest::Approx(14));

    ClosedForm network(golden_network);
    const auto says = [&](const std::function<void(SampleRequest&)>& change, const char* part) {
        SampleRequest request;
        change(request);
        const std::string message = error_of([&] { (void)process->sample(network, request); });
        INFO(message);
        CHECK(message.find(part) != std::string::npos);
    };
    says([](auto&) {}, "cold starts from blurred training images");
    says([](auto& r) { r.solver = "ddim"; }, "expected cold");
    says([](auto& r) { r.eta = 0.5; }, "leave them out");
    says([](auto& r) { r.clip = true; }, "leave them out");
    says([](auto& r) { r.steps = 21; }, "1 to 20");
    says(
        [](auto& r) {
            r.steps = 5;
            r.spacing = "leading";
        },
        "choose trailing");
    CHECK(error_of([] {
              (void)make_process({.kind = "cold", .delta = -1}, size, Device::cpu);
          }).find("delta") != std::string::npos);
    CHECK(error_of([] {
              (void)make_process({.kind = "cold", .steps = 1}, size, Device::cpu);
          }).find("at least 2") != std::string::npos);
}

TEST_SUITE_END();
