#include "engine/io/npy.h"
#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/math_flags.h"
#include "tools/model.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>

namespace heat::tools {
namespace {

struct PredictOptions {
    std::string run, input, output, dtype = "f32", weights = "ema", device = "auto";
    double timestep = 0;
    bool json = false;
};

/// N×C×H×W to N×H×W×C (or back: swap what the extents mean).
std::vector<float> transpose(const std::vector<float>& from, int64_t n, int64_t rows, int64_t columns) {
    std::vector<float> to(from.size());
    for (int64_t i = 0; i < n; ++i)
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t c = 0; c < columns; ++c)
                to[size_t((i * columns + c) * rows + r)] = from[size_t((i * rows + r) * columns + c)];
    return to;
}

void predict(const PredictOptions& options) {
    const Device device = device_from_name(options.device);
    const NpyArray array = read_npy(options.input);
    const TrainedRun run = load_run(options.run, device, options.weights, std::nullopt, options.dtype);
    const int64_t channels = run.configuration.data.channels;
    if (array.shape.size() != 4 || array.shape[1] != channels || array.shape[0] < 1)
        throw Error(fmt::format("{}: expected an array N×{}×H×W, got {}", options.input, channels,
                                Shape(array.shape).text()));
    const int64_t n = array.shape[0], h = array.shape[2], w = array.shape[3];
    const Tensor x =
        Tensor::from_host(Shape{n, h, w, channels}, transpose(npy_to_f32(array), n, channels, h * w), device);
    ModelDenoiser denoiser(*run.model);
    const auto start = std::chrono::steady_clock::now();
    const Tensor y = denoiser.predict(x, Tensor::full(Shape{n}, float(options.timestep), device));
    const std::vector<float> values = transpose(y.to_host(), n, h * w, channels);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    write_npy(options.output, NpyView({n, channels, h, w}, values));
    if (options.json)
        fmt::print("{}\n", nlohmann::json{{"output", options.output},
                                          {"shape", {n, channels, h, w}},
                                          {"checkpoint_step", run.checkpoint.step},
                                          {"peak_memory_bytes", memory_statistics(device).peak},
                                          {"seconds", seconds}}
                               .dump());
}

} // namespace

void add_predict_command(CLI::App& app) {
    auto o = std::make_shared<PredictOptions>();
    const CLI::Validator finite(
        [](std::string& text) {
            return std::isfinite(std::strtod(text.c_str(), nullptr)) ? std::string()
                                                                     : text + " is not finite";
        },
        "FINITE");
    CLI::App* command = app.add_subcommand("predict", "Call a run's network once on an array");
    command->add_option("run", o->run, "Run folder")->type_name("FOLDER")->required();
    command->add_option("--input", o->input, "NumPy array (.npy), N×C×H×W")->type_name("FILE")->required();
    command
        ->add_option("--t", o->timestep,
                     "Timestep as the network sees it: the level for ihdm and cold, one less for the others")
        ->required()
        ->check(CLI::Range(0.0, 1e9) & finite);
    command->add_option("--output", o->output, "Where to write the network's output (.npy, N×C×H×W f32)")
        ->type_name("FILE")
        ->required();
    command->add_option("--dtype", o->dtype, "Of activations")
        ->type_name("{auto,f32,bf16}")
        ->capture_default_str();
    command->add_option("--weights", o->weights, "Moving average or last")
        ->type_name("{ema,model}")
        ->capture_default_str();
    command->add_option("--device", o->device, "Where to compute")
        ->type_name("{auto,cpu,cuda}")
        ->capture_default_str();
    add_math_flags(*command);
    command->add_flag("--json", o->json, "Print the result as JSON");
    command->footer("Example:\n  engine predict runs/garments --input x.npy --t 500 --output eps.npy");
    command->callback([o] { predict(*o); });
}

} // namespace heat::tools
