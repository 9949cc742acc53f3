#include "processes/factory.h"
#include "processes/heat_dissipation.h"
#include "support.h"

#include <doctest/doctest.h>

#include <set>

using namespace heat;
using namespace heat::processes;
using namespace heat::processes::test;

TEST_SUITE_BEGIN("processes");

namespace {

constexpr ImageSize size{6, 9, 2};
constexpr int elements = 6 * 9 * 2;
const HeatDissipationSettings settings{8, 0.5, 5.0, 0.01, 0.0125};

Tensor random_images(int64_t count, uint64_t seed) {
    return uniform(RandomState(seed, Device::cpu), Shape{count, 6, 9, 2}, Purpose::augmentation);
}

double time_of(int level) {
    if (level == 0) return 0;
    const double sigma = 0.5 * std::pow(5.0 / 0.5, (level - 1) / 7.0); // evenly spaced logarithms
    return sigma * sigma / 2;
}

/// Images `first`.. of a run's start: the blurred training image each drew.
Doubles clean_images(const HeatDissipation& process, const Doubles& training, const SampleRequest& request) {
    Doubles images;
    for (int64_t i = 0; i < request.count; ++i) {
        const int64_t from = process.prior_index(request.seed, request.image_offset + uint32_t(i)) * elements;
        images.insert(images.end(), training.begin() + from, training.begin() + from + elements);
    }
    return images;
}

} // namespace

TEST_CASE("IHDM's schedule") {
    const HeatDissipation process(size, settings, Device::cpu);
    const std::vector<TableColumn> columns = process.tables();
    REQUIRE(columns.size() == 3);
    for (int k = 0; k <= 8; ++k) {
        CHECK(columns[0].values[size_t(k)] == doctest::Approx(time_of(k)).epsilon(1e-12));
        CHECK(columns[1].values[size_t(k)] == doctest::Approx(std::sqrt(2 * time_of(k))).epsilon(1e-12));
        const double mu = std::pow(std::numbers::pi, 2) * (25.0 / 36 + 64.0 / 81);
        CHECK(columns[2].values[size_t(k)] ==
              doctest::Approx(-mu * time_of(k) / std::log(10.0)).epsilon(1e-12));
    }
}

TEST_CASE("IHDM's training batch recomputed by hand") {
    const HeatDissipation process(size, settings, Device::cpu);
    RandomState random(5, Device::cpu);
    random.set_step(3);
    const Tensor images = random_images(40, 1);
    const Doubles clean = to_doubles(images),
                  noise = to_doubles(normal(random, images.shape(), Purpose::training_noise, 100));
    const TrainingBatch batch = process.training_batch(images, random, 100);
    const std::vector<int32_t> levels = to_integers(batch.levels);
    const Doubles timesteps = to_doubles(batch.timesteps), input = to_doubles(batch.input),
                  target = to_doubles(batch.target);
    std::set<int> seen;
    double worst = 0;
    for (int i = 0; i < 40; ++i) {
        const int k = levels[size_t(i)];
        seen.insert(k);
        CHECK(timesteps[size_t(i)] == k);
        const Doubles image(clean.begin() + i * elements, clean.begin() + (i + 1) * elements);
        const Doubles blurred = blur(image, Shape{1, 6, 9, 2}, time_of(k)),
                      before = blur(image, Shape{1, 6, 9, 2}, time_of(k - 1));
        for (int e = 0; e < elements; ++e) {
            const auto at = size_t(i) * elements + size_t(e);
            const double noisy = blurred[size_t(e)] + 0.01 * noise[at];
            worst = std::max(
                {worst, std::abs(input[at] - noisy), std::abs(target[at] - (before[size_t(e)] - noisy))});
        }
    }
    CHECK(worst < 3e-6);
    CHECK(seen.size() == 8); // level K is trained, and level 1
    CHECK(!batch.weight.defined());
    CHECK(batch.scale == doctest::Approx(1.0 / 40)); // the sum over an image, the mean over images

    const TrainingBatch alone = process.training_batch(images.images(7, 1), random, 107);
    CHECK(largest_difference(to_doubles(alone.input), to_doubles(batch.input.images(7, 1))) < 1e-6);
    CHECK_THROWS_AS(process.training_batch(images.reshape(Shape{40, 9, 6, 2}), random, 0), Error);
}

TEST_CASE("the prior is the blurred training images, in few numbers, and survives a checkpoint") {
    HeatDissipation process(size, settings, Device::cpu);
    CHECK(process.needs_prior());
    CHECK(process.prior_count() == 0);
    ClosedForm nothing([](const Doubles& x, double) { return Doubles(x.size(), 0.0); });
    CHECK(error_of([&] { process.sample(nothing, {}); }).find("prepare_prior") != std::string::npos);

    const Tensor images = random_images(12, 2);
    process.prepare_prior(images.images(0, 5)); // in two batches
    process.prepare_prior(images.images(5, 7));
    CHECK(process.prior_count() == 12);
    int kept = 0;
    for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 9; ++j)
            kept +=
                std::exp(-std::pow(std::numbers::pi, 2) * (i * i / 36.0 + j * j / 81.0) * time_of(8)) > 1e-6;
    const std::map<std::string, Tensor> tensors = process.prior();
    CHECK(tensors.at("prior.coefficients").shape() == Shape{12, kept, 2});
    CHECK(tensors.at("prior.modes").shape() == Shape{kept});
    CHECK(kept < 54 / 4);

    HeatDissipation other(size, settings, Device::cpu);
    other.set_prior(tensors);
    SampleRequest request;
    request.count = 6;
    request.image_offset = 2;
    request.seed = 3;
    std::vector<Doubles> starts;
    for (const HeatDissipation* p : {&process, &other})
        p->sample(
            nothing,
            [&] {
                SampleRequest r = request;
                r.view = SampleRequest::View::state;
                return r;
            }(),
            [&](const SampleStep& step) {
                if (step.step == 0) starts.push_back(to_doubles(step.image));
            });
    CHECK(starts[0] == starts[1]);
    // The start is F(t_K)u_0 + δz of the training image drawn.
    const Shape shape{6, 6, 9, 2};
    Doubles expected = blur(clean_images(process, to_doubles(images), request), shape, time_of(8));
    const Doubles noise = to_doubles(normal(RandomState(3, Device::cpu), shape, Purpose::prior, 2));
    for (size_t e = 0; e < expected.size(); ++e) expected[e] += 0.0125 * noise[e];
    CHECK(largest_difference(starts[0], expected) < 1e-5);

    std::vector<int> drawn(12, 0);
    for (uint32_t image = 0; image < 1200; ++image) drawn[size_t(process.prior_index(3, image))] += 1;
    for (const int n : drawn) CHECK(std::abs(n - 100) < 5 * std::sqrt(100.0)); // each about a twelfth

    HeatDissipation blurrier(size, {8, 0.5, 7.0, 0.01, 0.0125}, Device::cpu);
    CHECK(error_of([&] { blurrier.set_prior(tensors); }).find("sigma_max") != std::string::npos);
    CHECK_THROWS_AS(other.set_prior({}), Error);
    std::map<std::string, Tensor> narrow = tensors;
    narrow["prior.coefficients"] = Tensor::zeros(Shape{12, kept, 1}, Dtype::f32, Device::cpu);
    CHECK_THROWS_AS(other.set_prior(narrow), Error);
}

TEST_CASE("IHDM with a perfect network returns the image its prior came from") {
    HeatDissipation process(size, settings, Device::cpu);
    const Tensor images = random_images(10, 4);
    process.prepare_prior(images);
    SampleRequest request;
    request.count = 30;
    request.seed = 8;
    const Doubles clean = clean_images(process, to_doubles(images), request);
    const Shape shape{30, 6, 9, 2};

    // One that sees through the noise ends in the image itself: no noise follows the last step.
    ClosedForm perfect([&](const Doubles& x, double k) {
        Doubles f = blur(clean, shape, time_of(int(k) - 1));
        for (size_t e = 0; e < f.size(); ++e) f[e] -= x[e];
        return f;
    });
    CHECK(largest_difference(to_doubles(process.sample(perfect, request)), clean) < 1e-5);
    CHECK(perfect.seen == Doubles{8, 7, 6, 5, 4, 3, 2, 1});

    // One that undoes a level's blur and leaves the noise alone ends in it plus that of the prior and of K −
    // 1 steps.
    ClosedForm sharpener([&](const Doubles&, double k) {
        Doubles f = blur(clean, shape, time_of(int(k) - 1));
        const Doubles blurred = blur(clean, shape, time_of(int(k)));
        for (size_t e = 0; e < f.size(); ++e) f[e] -= blurred[e];
        return f;
    });
    const Tensor noisy = process.sample(sharpener, request);
    const Doubles result = to_doubles(noisy);
    double squares = 0;
    for (size_t e = 0; e < result.size(); ++e) squares += std::pow(result[e] - clean[e], 2);
    const auto n = double(result.size());
    CHECK(squares / n == doctest::Approx(0.0125 * 0.0125 * 8).epsilon(5 * std::sqrt(2 / n)));

    // Image 7 alone is image 7; the view changes nothing; its frames are the states, or their means.
    SampleRequest alone = request;
    alone.image_offset = 7;
    alone.count = 1;
    const Doubles image(clean.begin() + 7 * elements, clean.begin() + 8 * elements);
    ClosedForm alone_sharpener([&](const Doubles&, double k) {
        Doubles f = blur(image, Shape{1, 6, 9, 2}, time_of(int(k) - 1));
        const Doubles blurred = blur(image, Shape{1, 6, 9, 2}, time_of(int(k)));
        for (size_t e = 0; e < f.size(); ++e) f[e] -= blurred[e];
        return f;
    });
    std::vector<Doubles> frames[2];
    for (const auto view : {SampleRequest::View::state, SampleRequest::View::clean}) {
        alone.view = view;
        const Tensor again = process.sample(alone_sharpener, alone, [&](const SampleStep& step) {
            CHECK(step.level == 8 - step.step);
            frames[view == SampleRequest::View::clean].push_back(to_doubles(step.image));
        });
        CHECK(largest_difference(to_doubles(again), to_doubles(noisy.images(7, 1))) < 1e-5);
    }
    REQUIRE(frames[0].size() == 9);
    REQUIRE(frames[1].size() == 9);
    RandomState random(8, Device::cpu);
    for (size_t step = 1; step <= 8; ++step) {
        random.set_step(uint32_t(step - 1));
        Doubles expected = to_doubles(normal(random, Shape{1, 6, 9, 2}, Purpose::step_noise, 7));
        for (size_t e = 0; e < expected.size(); ++e)
            expected[e] = frames[1][step][e] + (step < 8 ? 0.0125 * expected[e] : 0.0);
        CHECK(largest_difference(frames[0][step], expected) < 1e-6);
    }
}

TEST_CASE("IHDM reports itself and refuses what does not fit") {
    // The paper's CIFAR-10 setting: most of the blur's gains are not numbers of float32.
    const auto process =
        make_process({.kind = "ihdm", .steps = 200, .sigma_max = 24}, {32, 32, 3}, Device::cpu);
    CHECK(process->name() == "ihdm");
    CHECK(process->data_low() == 0.f);
    CHECK(process->timestep_of_level(200) == 200.f);
    std::map<std::string, double> report;
    for (const ReportEntry& entry : process->report()) report[entry.name] = entry.value;
    int lost = 0, kept = 0;
    for (int i = 0; i < 32; ++i)
        for (int j = 0; j < 32; ++j) {
            const double exponent = std::pow(std::numbers::pi, 2) * (i * i + j * j) / 1024 * 288;
            lost += exponent > std::log(std::pow(2.0, 150)); // below half of the smallest denormal
            kept += exponent < std::log(1e6);
        }
    CHECK(lost > 0.95 * 1024);
    CHECK(report.at("modes_lost_in_float32") == lost);
    CHECK(report.at("modes_in_prior") == kept);
    CHECK(report.at("sampling_noise") == doctest::Approx(0.0125));
    CHECK(report.at("blur_sigma_first_pixels") == doctest::Approx(0.5));
    CHECK(report.at("blur_sigma_last_pixels") == doctest::Approx(24));
    CHECK(report.at("step_flops_per_image") == 5 * 3072);

    ClosedForm network(golden_network);
    const auto message = [&](const std::function<void(SampleRequest&)>& change) {
        SampleRequest request;
        change(request);
        return error_of([&] { process->sample(network, request); });
    };
    const auto contains = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    CHECK(contains(message([](auto& r) { r.solver = "ddim"; }), "expected ihdm"));
    CHECK(contains(message([](auto& r) { r.steps = 50; }), "K = 200"));
    CHECK(contains(message([](auto& r) { r.steps = 201; }), "1 to 200"));
    CHECK(contains(message([](auto& r) { r.eta = 0; }), "process.delta"));
    CHECK(contains(message([](auto& r) { r.clip = true; }), "process.delta"));
}

TEST_SUITE_END();
