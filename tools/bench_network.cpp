#include "tools/bench_network.h"

#include "bench/step_timer.h"
#include "engine/data/batch_loader.h"
#include "engine/machine.h"
#include "engine/profiler.h"
#include "kernels/error.h"
#include "tools/graph_option.h"
#include "tools/math_flags.h"
#include "tools/model.h"
#include "tools/sampling.h"
#include "tools/training_step.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace heat::tools {
namespace {

struct NetworkOptions {
    std::string config, mode = "train", dtype, device = "auto";
    std::vector<std::string> settings;
    int batch = 0, warm_up = 3, steps = 10;
    bool serve = false, json = false;
    GraphOption graphs;
};

using Seconds = std::vector<double>;

int64_t resident_bytes() {
    int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages >> pages;
    return pages * ::sysconf(_SC_PAGESIZE);
}

/// Not getrusage's, which begins with that of the program that started this one.
int64_t peak_resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
    return 0;
}

/// Noise in place of photographs: what a step costs does not depend on what the images show.
MemoryImages made_up_images(const DataConfig& data) {
    Dataset images;
    images.count = 1024;
    images.height = data.height;
    images.width = data.width;
    images.channels = data.channels;
    images.pixels.resize(size_t(images.count) * size_t(data.height) * size_t(data.width) *
                         size_t(data.channels));
    uint32_t state = 1;
    for (uint8_t& pixel : images.pixels) pixel = uint8_t((state = state * 1664525u + 1013904223u) >> 24);
    return {std::move(images), "noise", ""};
}

/// Steps of training, as `engine train` does them.
class TrainingWork {
public:
    TrainingWork(const Configuration& c, Device device, const GraphOptions& graphs)
        : images_(made_up_images(c.data)), process_(make_process(c, device)), model_(c, device),
          optimizer_(model_.store, c.train.optimizer), random_(uint64_t(c.train.seed), device),
          loader_(images_,
                  batch_order({uint64_t(c.train.seed), uint32_t(images_.count()), uint32_t(c.train.batch)}),
                  {.low = process_->data_low(), .high = process_->data_high()}),
          step_({.process = *process_,
                 .network = model_.network,
                 .store = model_.store,
                 .dtype = model_.dtype,
                 .optimizer = optimizer_,
                 .random = random_,
                 .batch = [this, device](int64_t index) { return loader_.batch(uint64_t(index), device); }},
                graphs),
          device_(device) {}

    Seconds run(int steps) {
        bench::StepTimer timer(device_);
        timer.mark();
        for (int i = 0; i < steps; ++i) {
            step_.run();
            if (device_ == Device::cpu) (void)step_.losses().read(); // as `engine train` does
            timer.mark();
        }
        return timer.seconds();
    }
    int64_t parameters() const { return model_.store.parameter_count(); }
    Dtype dtype() const { return model_.dtype; }

private:
    MemoryImages images_;
    std::unique_ptr<processes::Process> process_;
    Model model_;
    Optimizer optimizer_;
    RandomState random_;
    BatchLoader loader_;
    TrainingStep step_;
    Device device_;
};

/// Steps of the configuration's solver, as `engine sample` does them.
class SamplingWork {
public:
    SamplingWork(const Configuration& c, Device device, const GraphOptions& graphs)
        : process_(make_process(c, device)), model_(c, device), denoiser_(model_), device_(device) {
        request_ = request_of(c.sample); // its steps are given to run()
        request_.graphs = graphs;
        request_.count = c.train.batch;
        if (process_->needs_prior())
            throw Error(fmt::format("bench network samples from noise; {} starts from a run's own prior",
                                    process_->name()));
    }

    Seconds run(int steps) {
        // On a card each loop begins with eager steps and the capture, which are not what most steps take.
        const bool graphs = device_ == Device::cuda && !Profiler::enabled();
        const int first = graphs ? GraphedWork::eager_runs + 1 : 0;
        request_.steps = std::min(steps + first, process_->steps());
        bench::StepTimer timer(device_);
        process_->sample(denoiser_, request_, [&](const processes::SampleStep&) { timer.mark(); });
        Seconds seconds = timer.seconds();
        if (std::ssize(seconds) > first) seconds.erase(seconds.begin(), seconds.begin() + first);
        return seconds;
    }
    int64_t parameters() const { return model_.store.parameter_count(); }
    Dtype dtype() const { return model_.dtype; }

private:
    std::unique_ptr<processes::Process> process_;
    Model model_;
    ModelDenoiser denoiser_;
    processes::SampleRequest request_;
    Device device_;
};

/// Multiplications and additions of one step as the ops count them (engine/profiler.h): a convolution's
/// directly, whatever computes it.
template <class Work>
double flops_of_step(Work& work) {
    Profiler::start();
    work.run(1);
    double flops = 0;
    for (const ProfileEntry& entry : Profiler::stop().entries) flops += entry.flops;
    return flops;
}

template <class Work>
void measure(const NetworkOptions& o, const Configuration& configuration, Device device) {
    const int64_t resting = resident_bytes();
    Work work(configuration, device, o.graphs.resolve(device, false));
    work.run(o.warm_up);
    const nlohmann::json about{{"ready", true},
                               {"config", o.config},
                               {"mode", o.mode},
                               {"batch", configuration.train.batch},
                               {"dtype", name_of(work.dtype())},
                               {"parameters", work.parameters()},
                               {"flops", flops_of_step(work)},
                               {"threads", cpu_threads()},
                               {"device", describe_device(device)},
                               {"math", describe_math_mode()}};
    const auto memory = [&] {
        return device == Device::cpu ? peak_resident_bytes() - resting : memory_statistics(device).peak;
    };
    if (o.serve) {
        fmt::print("{}\n", about.dump());
        std::fflush(stdout);
        for (std::string line; std::getline(std::cin, line);) {
            int steps = 0;
            const auto parsed = std::from_chars(line.data(), line.data() + line.size(), steps);
            if (parsed.ec != std::errc() || parsed.ptr != line.data() + line.size() || steps < 1)
                throw Error(fmt::format("--serve reads a number of steps a line, got \"{}\"", line));
            const Seconds seconds = work.run(steps);
            fmt::print("{}\n", nlohmann::json{{"seconds", seconds}, {"memory_bytes", memory()}}.dump());
            std::fflush(stdout);
        }
        return;
    }
    Seconds seconds = work.run(o.steps);
    if (o.json) {
        nlohmann::json result = about;
        result.erase("ready");
        result["seconds"] = seconds;
        result["memory_bytes"] = memory();
        fmt::print("{}\n", result.dump());
        return;
    }
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    fmt::print(
        "{} step, batch {}, {}, {} parameters: median {:.2f} ms of {} ({:.2f} to {:.2f}), {:.1f} images/s, "
        "memory {} MiB above rest\n",
        o.mode, configuration.train.batch, name_of(work.dtype()), work.parameters(), 1e3 * median,
        seconds.size(), 1e3 * seconds.front(), 1e3 * seconds.back(),
        double(configuration.train.batch) / median, memory() >> 20);
}

void bench_network(const NetworkOptions& o) {
    const Device device = device_from_name(o.device);
    Configuration configuration = configuration_of(o.config, o.settings);
    if (o.batch > 0) configuration.train.batch = o.batch;
    if (!o.dtype.empty()) configuration.train.dtype = o.dtype;
    settle_math_mode(configuration.train);
    if (o.mode == "train")
        measure<TrainingWork>(o, configuration, device);
    else
        measure<SamplingWork>(o, configuration, device);
}

} // namespace

void add_network_benchmark(CLI::App& bench) {
    auto o = std::make_shared<NetworkOptions>();
    CLI::App* command = bench.add_subcommand("network", "Time whole training or sampling steps of a network");
    command->add_option("config_or_run", o->config, "Configuration (TOML) or run folder")->required();
    command->add_option("--mode", o->mode, "train or sample")
        ->capture_default_str()
        ->check(CLI::IsMember({"train", "sample"}));
    command->add_option("--batch", o->batch, "Images in a batch; train.batch by default")
        ->check(CLI::Range(1, 1 << 20));
    command->add_option("--dtype", o->dtype, "Of activations: f32, bf16 or auto; train.dtype by default");
    command->add_option("--steps", o->steps, "Steps to time")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000000));
    command->add_option("--warm-up", o->warm_up, "Steps before, not timed")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000000));
    command->add_option("--set", o->settings, "Override a key; may be repeated")->allow_extra_args(false);
    command->add_option("--device", o->device, "auto, cpu or cuda")->capture_default_str();
    o->graphs.add_to(*command);
    add_math_flags(*command);
    command->add_flag("--serve", o->serve,
                      "Read numbers of steps from standard input, answer each with JSON");
    command->add_flag("--json", o->json, "Print JSON, each step's time");
    command->footer(
        "Examples:\n"
        "  engine bench network bench/networks/unet-1m.toml --mode train --batch 32\n"
        "  engine bench network configs/cifar10-ddpm.toml --mode sample --batch 16 --dtype bf16 --json");
    command->callback([o] { bench_network(*o); });
}

} // namespace heat::tools
