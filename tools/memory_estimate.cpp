#include "tools/memory_estimate.h"

#include "kernels/error.h"
#include "nets/unet.h"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>

namespace heat::tools {
namespace {

constexpr double GiB = 1024.0 * 1024 * 1024;

/// Bytes of memory and swap.
double machine_memory() {
    struct sysinfo info {};
    if (::sysinfo(&info) != 0) return 1e30; // unknown: refuse nothing
    return (double(info.totalram) + double(info.totalswap)) * double(info.mem_unit);
}

double parameter_count(const Configuration& configuration) {
    ParameterStore store;
    const nets::UNet network(configuration.network, store); // declares them, takes no memory
    return double(store.parameter_count());
}

/// Values of one activation of a level, for one image.
double level_values(const Configuration& c, size_t level) {
    const double shrink = double(int64_t(1) << (2 * level));
    return double(c.data.height) * c.data.width / shrink * c.network.channels[level];
}

void expect_fit(double bytes, const std::string& what, const std::string& advice) {
    const double memory = machine_memory();
    if (bytes > memory)
        throw Error(fmt::format("{} at least {:.1f} GiB, this machine has {:.1f} GiB: {}", what, bytes / GiB,
                                memory / GiB, advice));
}

void expect_parameters_fit(double parameters, double copies) {
    expect_fit(parameters * copies * sizeof(float), fmt::format("{} parameters take", int64_t(parameters)),
               "lower network.channels or network.blocks");
}

} // namespace

void expect_memory_to_train(const Configuration& configuration, Device device, int64_t batch) {
    constexpr double copies = 5; // values, gradient, two moments, average
    const double parameters = parameter_count(configuration);
    if (device == Device::cuda)
        return expect_parameters_fit(parameters, 1); // a checkpoint passes through here
    expect_parameters_fit(parameters, copies);
    double values = 0; // kept for the backward pass; in bf16 at the least
    for (size_t level = 0; level < configuration.network.channels.size(); ++level)
        values += level_values(configuration, level) * (2 * configuration.network.blocks + 1);
    const DataConfig& data = configuration.data;
    expect_fit(parameters * copies * sizeof(float) + double(batch) * values * 2,
               fmt::format("batches of {} images of {}×{} take", batch, data.height, data.width),
               "lower train.batch (train.accumulation makes up for it)");
}

void expect_memory_to_sample(const Configuration& configuration, int64_t count, int64_t batch) {
    const double parameters = parameter_count(configuration);
    expect_parameters_fit(parameters, 1);
    double widest = 0;
    for (size_t level = 0; level < configuration.network.channels.size(); ++level)
        widest = std::max(widest, level_values(configuration, level));
    const DataConfig& data = configuration.data;
    const double pixels = double(count) * data.height * data.width * data.channels;
    expect_fit(parameters * sizeof(float) + double(std::min(batch, count)) * widest * 2 + pixels,
               fmt::format("{} images of {}×{}, {} at a time, take", count, data.height, data.width,
                           std::min(batch, count)),
               "lower the number of images or of those at a time");
}

} // namespace heat::tools
