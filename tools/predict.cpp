#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/guidance_options.h"
#include "tools/image_planes.h"
#include "tools/math_flags.h"
#include "tools/model.h"
#include "tools/run_options.h"

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
    std::string label;
    bool json = false;
};

void predict(const PredictOptions& options) {
    const Device device = device_from_name(options.device);
    const NpyArray array = read_npy(options.input);
    const TrainedRun run = load_network(options.run, device, options.weights, std::nullopt, options.dtype);
    const Tensor x = images_of_array(array, options.input, run.configuration.data.channels, device);
    expect_generator(run, options.run);
    ModelDenoiser denoiser(*run.model, labels_of(options.label, run.configuration.network));
    const auto start = std::chrono::steady_clock::now();
    const Tensor y = denoiser.predict(x, Tensor::full(Shape{x.shape()[0]}, float(options.timestep), device));
    write_image_planes(options.output, y);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Shape& s = y.shape();
    if (options.json)
        fmt::print("{}\n", nlohmann::json{{"output", options.output},
                                          {"shape", {s[0], s[3], s[1], s[2]}},
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
                     "Timestep as the network sees it: the level for ihdm and cold, that of `engine "
                     "process` for edm, one less for the others")
        ->required()
        ->check(CLI::Range(0.0, 1e9) & finite);
    command->add_option("--output", o->output, "Where to write the network's output (.npy, N×C×H×W f32)")
        ->type_name("FILE")
        ->required();
    add_label_option(*command, o->label);
    add_dtype_option(*command, o->dtype);
    add_weights_option(*command, o->weights);
    add_device_option(*command, o->device);
    add_math_flags(*command);
    command->add_flag("--json", o->json, "Print the result as JSON");
    command->footer("Examples:\n"
                    "  engine predict runs/garments --input x.npy --t 500 --output eps.npy\n"
                    "  engine predict runs/classes --input x.npy --t 500 --label 3 --output eps.npy");
    command->callback([o] { predict(*o); });
}

} // namespace heat::tools
