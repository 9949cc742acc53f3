// A user of the installed libraries, one piece of each layer: runs a network on an image, makes a process for
// images of its size, writes a PNG.

#include "engine/io/png.h"
#include "engine/tensor.h"
#include "nets/unet.h"
#include "processes/factory.h"

#include <cstdio>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    heat::Image8 image{12, 10, 1, {}};
    for (int i = 0; i < image.height * image.width; ++i) image.pixels.push_back(uint8_t(2 * i));
    heat::write_png(argv[1], image);
    const std::vector<float> values(image.pixels.begin(), image.pixels.end());
    const heat::Tensor pixels =
        heat::Tensor::from_host(heat::Shape{1, image.height, image.width, 1}, values, heat::Device::cpu);

    heat::nets::UNetConfig config;
    config.in_channels = config.out_channels = 1;
    config.channels = {8, 8};
    config.blocks = 1;
    config.groups = 4;
    heat::ParameterStore store;
    const heat::nets::UNet network(config, store);
    store.allocate(heat::Device::cpu, 0);
    const heat::NoGradient none;
    const heat::Variable output = network.forward(
        heat::Variable(pixels), heat::Tensor::full(heat::Shape{1}, 1.f, heat::Device::cpu), {});

    const auto process = heat::processes::make_process({.kind = "ihdm", .steps = 10},
                                                       {image.height, image.width, 1}, heat::Device::cpu);
    std::printf("%dx%d, network %lldx%lld, %s of %d levels\n", image.height, image.width,
                static_cast<long long>(output.value().shape()[1]),
                static_cast<long long>(output.value().shape()[2]), process->name().c_str(), process->steps());
    return 0;
}
