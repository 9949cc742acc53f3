#include "processes/likelihood.h"

#include "engine/data/batch.h"
#include "engine/data/fitted_images.h"
#include "kernels/error.h"
#include "processes/diagonal_process.h"
#include "tools/commands.h"
#include "tools/differentiable_model.h"
#include "tools/guidance_options.h"
#include "tools/interrupt.h"
#include "tools/math_flags.h"
#include "tools/model.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/run_options.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace heat::tools {
namespace {

struct LikelihoodCommand {
    std::string run, data, format = "auto", probe = "rademacher", weights = "ema", device = "auto",
                           dtype = "f32";
    int64_t count = 16, index = 0, batch = 16;
    processes::LikelihoodOptions options;
    std::optional<int64_t> checkpoint, label;
    bool json = false;
};

struct Figures {
    std::vector<double> bits, probe_errors; ///< per image, bits a dimension
    double evaluations = 0;                 ///< mean over images
    double seconds = 0;

    double mean() const { return std::accumulate(bits.begin(), bits.end(), 0.0) / double(bits.size()); }
    /// Of the mean, from the spread of the images; NaN for one.
    double standard_error() const {
        double squares = 0;
        for (const double value : bits) squares += std::pow(value - mean(), 2);
        const auto n = double(bits.size());
        return n > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN();
    }
};

std::unique_ptr<ImageSource> open(const LikelihoodCommand& o, const DataConfig& data) {
    std::unique_ptr<ImageSource> images = open_images(o.data, o.format);
    LoadOptions options;
    options.memory_limit = 0; // of a folder only the images asked for are decoded
    images = fit_images(std::move(images),
                        ImageFit{data.height, data.width, data.channels, data.resize == "crop"}, options);
    if (o.index >= images->count() || o.count > images->count() - o.index)
        throw Error(fmt::format("{}: it holds {} images, --index {} and --count {} ask for others", o.data,
                                images->count(), o.index, o.count));
    return images;
}

/// Images `first`..`first + count` as bytes 0..255.
Tensor bytes_of(const ImageSource& images, int64_t first, int64_t count, Device device) {
    std::vector<uint32_t> indices(static_cast<size_t>(count));
    std::iota(indices.begin(), indices.end(), uint32_t(first));
    Tensor bytes;
    gather_batch(images, indices, {.low = 0.f, .high = 255.f}, [&](const Shape& shape) {
        bytes = Tensor(shape, Dtype::f32, Device::cpu);
        return bytes.data<float>();
    });
    return bytes.to(device);
}

/// The class of all images, where the network has classes.
std::optional<int32_t> label_of(const LikelihoodCommand& o, const TrainedRun& run) {
    std::vector<int32_t> asked;
    if (o.label) asked.push_back(int32_t(*o.label));
    const processes::ClassLabels labels = checked_labels(run.configuration.network, std::move(asked));
    return labels.empty() ? std::nullopt : std::optional(labels.of(0));
}

Figures measure(const LikelihoodCommand& o, const TrainedRun& run, const ImageSource& images, Device device) {
    expect_generator(run, o.run);
    const auto* process = dynamic_cast<const processes::DiagonalProcess*>(run.process.get());
    if (!process)
        throw Error(
            fmt::format("process {} is no Markov process and has no probability flow: a likelihood is "
                        "had of ddpm, ve, sub-vp, edm, hdm and blurring",
                        run.process->name()));
    DifferentiableModel denoiser(run.model->network, run.model->dtype, label_of(o, run));
    Figures figures;
    Progress progress("likelihood", 0, o.count);
    const auto start = std::chrono::steady_clock::now();
    for (int64_t done = 0; done < o.count; done += o.batch) {
        if (InterruptGuard::requested()) throw Interrupted();
        const int64_t count = std::min(o.batch, o.count - done);
        processes::LikelihoodOptions options = o.options;
        options.image_offset = uint32_t(o.index + done);
        const Tensor data = processes::dequantized(*process, bytes_of(images, o.index + done, count, device),
                                                   options.seed, options.image_offset);
        const processes::Likelihood result = log_likelihood(*process, denoiser, data, options);
        for (size_t i = 0; i < size_t(count); ++i) {
            figures.bits.push_back(processes::bits_per_dimension(result.log_density[i], *process));
            figures.probe_errors.push_back(result.standard_error[i] / double(process->size().elements()) /
                                           std::numbers::ln2);
            figures.evaluations += double(result.evaluations[i]) / double(o.count);
        }
        progress.show(done + count, "images");
    }
    progress.finish();
    figures.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return figures;
}

void likelihood(LikelihoodCommand o) {
    const Device device = device_from_name(o.device);
    o.options.probe = processes::probe_from_name(o.probe);
    const TrainedRun run = load_run(o.run, device, o.weights, o.checkpoint, o.dtype);
    const std::unique_ptr<ImageSource> images = open(o, run.configuration.data);
    const InterruptGuard guard;
    const Figures figures = measure(o, run, *images, device);
    const double mean = figures.mean(), error = figures.standard_error();
    if (o.json) // what is not a number becomes null
        fmt::print("{}\n", nlohmann::json{{"bits_per_dimension", mean},
                                          {"standard_error", error},
                                          {"count", o.count},
                                          {"images", figures.bits},
                                          {"probe_standard_errors", figures.probe_errors},
                                          {"flow_evaluations_per_image", figures.evaluations},
                                          {"checkpoint_step", run.checkpoint.step},
                                          {"seconds", figures.seconds}}
                               .dump());
    else
        fmt::print("{:.4f} bits per dimension{} over {} images of {}, {:.0f} evaluations of the flow each, "
                   "{:.1f} s\n",
                   mean, std::isnan(error) ? "" : fmt::format(" (standard error {:.4f})", error), o.count,
                   o.data, figures.evaluations, figures.seconds);
}

} // namespace

void add_likelihood_command(CLI::App& app) {
    auto o = std::make_shared<LikelihoodCommand>();
    CLI::App* command = app.add_subcommand("likelihood", "Bits per dimension of images under a run's model");
    command->add_option("run", o->run, "Run folder, of a process with levels in between (not ihdm, cold)")
        ->type_name("FOLDER")
        ->required();
    command->add_option("--data", o->data, "Images, as data.path takes them: those held out of the training")
        ->type_name("PATH")
        ->required();
    command->add_option("--format", o->format, "Of the images")
        ->type_name("{auto,idx,cifar10,images}")
        ->capture_default_str();
    command->add_option("-n,--count", o->count, "How many images")
        ->capture_default_str()
        ->check(CLI::Range(int64_t(1), int64_t(1) << 24));
    command->add_option("--index", o->index, "Index of the first image")
        ->capture_default_str()
        ->check(CLI::Range(int64_t(0), int64_t(1) << 31));
    command->add_option("--batch", o->batch, "Images at a time; no effect on the result")
        ->capture_default_str()
        ->check(CLI::Range(int64_t(1), int64_t(1) << 20));
    command->add_option("--probe", o->probe, "What estimates the trace of the network's Jacobian")
        ->type_name("{rademacher,gaussian,exact}")
        ->capture_default_str();
    command->add_option("--probes", o->options.probes, "Random probes an image, a network call each")
        ->capture_default_str()
        ->check(CLI::Range(1, 128));
    command->add_option("--rtol", o->options.rtol, "Relative tolerance of a step, 1e-6 to 1")
        ->capture_default_str();
    command->add_option("--atol", o->options.atol, "Absolute tolerance of a step, 1e-6 to 1")
        ->capture_default_str();
    command->add_option("--seed", o->options.seed, "Of the dequantisation and the probes")
        ->capture_default_str()
        ->check(CLI::NonNegativeNumber);
    command->add_option("--label", o->label, "Class of all images, from 0: of networks with classes");
    add_weights_option(*command, o->weights);
    command->add_option("--checkpoint", o->checkpoint, "Step of the checkpoint; the newest by default");
    add_dtype_option(*command, o->dtype);
    add_device_option(*command, o->device);
    add_math_flags(*command);
    command->add_flag("--json", o->json, "Print the result as JSON, with a number for each image");
    add_quiet_flag(*command);
    command->footer("Example:\n"
                    "  engine likelihood runs/garments --data FOLDER/t10k-images-idx3-ubyte.gz -n 64");
    command->callback([o] { likelihood(*o); });
}

} // namespace heat::tools
