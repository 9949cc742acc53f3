#include "tools/run_options.h"

namespace heat::tools {

void add_weights_option(CLI::App& command, std::string& weights) {
    command.add_option("--weights", weights, "Moving average or last")
        ->type_name("{ema,model}")
        ->capture_default_str();
}

void add_dtype_option(CLI::App& command, std::string& dtype) {
    CLI::Option* option =
        command
            .add_option("--dtype", dtype,
                        dtype.empty() ? "Of activations; the run's by default" : "Of activations")
            ->type_name("{auto,f32,bf16}");
    if (!dtype.empty()) option->capture_default_str();
}

void add_device_option(CLI::App& command, std::string& device) {
    command.add_option("--device", device, "Where to compute")
        ->type_name("{auto,cpu,cuda}")
        ->capture_default_str();
}

} // namespace heat::tools
