#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/diffusers_folder.h"
#include "tools/model.h"
#include "tools/run_options.h"
#include "tools/staged_folder.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace heat::tools {
namespace {

struct ExportOptions {
    std::string run, format, out, weights = "ema";
    std::optional<int64_t> checkpoint;
    bool network_only = false, json = false;
};

void export_run(const ExportOptions& options) {
    const TrainedRun run = load_run(options.run, Device::cpu, options.weights, options.checkpoint);
    StagedFolder out(options.out);
    if (options.network_only)
        write_diffusers_network(out.path(), run.configuration, run.model->store);
    else
        write_diffusers_pipeline(out.path(), run.configuration, run.model->store);
    out.publish();
    if (options.json)
        fmt::print("{}\n", nlohmann::json{{"folder", options.out},
                                          {"parameters", run.model->store.parameter_count()},
                                          {"checkpoint_step", run.checkpoint.step}}
                               .dump());
    else
        fmt::print("{}: {} parameters of step {}\n", options.out, run.model->store.parameter_count(),
                   run.checkpoint.step);
}

} // namespace

void add_export_command(CLI::App& app) {
    auto o = std::make_shared<ExportOptions>();
    CLI::App* command = app.add_subcommand("export", "Write a run's network for another program");
    command->add_option("run", o->run, "Run folder")->type_name("FOLDER")->required();
    command->add_option("--to", o->format, "For which program")
        ->check(CLI::IsMember({"diffusers"}))
        ->required();
    command->add_option("out", o->out, "Folder to make")->type_name("FOLDER")->required();
    command->add_flag("--unet-only", o->network_only,
                      "Only the network, a UNet2DModel without scheduler: of any process");
    add_weights_option(*command, o->weights);
    command->add_option("--checkpoint", o->checkpoint, "Step of the checkpoint; the newest by default");
    command->add_flag("--json", o->json, "Print the result as JSON");
    command->footer("Examples:\n"
                    "  engine export runs/garments --to diffusers garments-pipeline\n"
                    "  engine export runs/blurred --to diffusers blurred-unet --unet-only");
    command->callback([o] { export_run(*o); });
}

} // namespace heat::tools
