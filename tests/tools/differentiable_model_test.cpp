#include "engine/random.h"
#include "tools/differentiable_model.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace heat;

TEST_SUITE_BEGIN("nets");

TEST_CASE("the product of a network's Jacobian with a vector is its central difference") {
    nets::UNetConfig config;
    config.in_channels = config.out_channels = 1;
    config.channels = {8, 16};
    config.blocks = 1;
    config.attention_levels = {1};
    config.groups = 4;
    config.zero_initialize = false;
    ParameterStore store;
    const nets::UNet network(config, store);
    store.allocate(Device::cpu, 3);
    tools::DifferentiableModel model(network, Dtype::f32);

    const Shape shape{2, 8, 8, 1};
    const RandomState random(4, Device::cpu);
    const Tensor x = normal(random, shape, Purpose::prior),
                 cotangent = normal(random, shape, Purpose::step_noise),
                 direction = normal(random, shape, Purpose::augmentation);
    const Tensor timesteps = Tensor::from_host(Shape{2}, std::vector<float>{3.f, 120.5f}, Device::cpu);
    const auto product = model.vector_jacobian(x, timesteps, cotangent);
    CHECK(product.output.to_host() == model.predict(x, timesteps).to_host());

    const auto moved = [&](float step) {
        std::vector<float> values = x.to_host();
        const std::vector<float> d = direction.to_host();
        for (size_t e = 0; e < values.size(); ++e) values[e] += step * d[e];
        return model.predict(Tensor::from_host(shape, values, Device::cpu), timesteps).to_host();
    };
    const std::vector<float> above = moved(1e-2f), below = moved(-1e-2f),
                             gradient = product.gradient.to_host(), c = cotangent.to_host(),
                             d = direction.to_host();
    for (size_t i = 0; i < 2; ++i) { // each image's part
        double difference = 0, along = 0;
        for (size_t e = 64 * i; e < 64 * i + 64; ++e) {
            difference += double(c[e]) * (double(above[e]) - double(below[e])) / 2e-2;
            along += double(gradient[e]) * double(d[e]);
        }
        CHECK(std::abs(along) > 0.05);
        CHECK(along == doctest::Approx(difference).epsilon(5e-3));
    }
}

TEST_SUITE_END();
