#include "engine/io/file.h"
#include "tools/commands.h"
#include "tools/diffusers_folder.h"
#include "tools/memory_estimate.h"
#include "tools/model.h"
#include "tools/output.h"
#include "tools/run_checkpoint.h"
#include "tools/staged_folder.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace heat::tools {
namespace {

struct ImportOptions {
    std::string folder, out;
    std::vector<std::string> settings;
    bool json = false;
};

/// The configuration of the run, as it will be read from then on.
Configuration write_configuration(const RunFolder& run, Configuration configuration,
                                  const std::vector<std::string>& settings) {
    configuration.train.dtype = "f32"; // as the package computes; `--dtype` and training may choose another
    write_file_atomically(run.config(), to_toml(configuration));
    const Configuration read = read_configuration(run.config(), settings, ConfigurationSource::run);
    write_file_atomically(run.config(), to_toml(read));
    return read;
}

void import_folder(const ImportOptions& options) {
    const DiffusersFolder source = read_diffusers_folder(options.folder);
    StagedFolder out(options.out);
    const RunFolder run(out.path());
    const Configuration configuration = write_configuration(run, source.configuration, options.settings);
    make_process(configuration, Device::cpu); // throws for schedules that cannot be
    expect_memory_to_train(configuration, Device::cpu, 1);
    Model model(configuration, Device::cpu);
    load_diffusers_weights(source.weights, model.store);
    Optimizer optimizer(model.store, configuration.train.optimizer);
    RunState state;
    state.seed = configuration.train.seed;
    save_checkpoint(run, model.store, optimizer, state);
    out.publish();

    for (const std::string& remark : source.remarks) note("note: " + remark);
    if (options.json)
        fmt::print("{}\n", nlohmann::json{{"run", options.out},
                                          {"parameters", model.store.parameter_count()},
                                          {"scheduler", source.scheduler},
                                          {"solver", configuration.sample.solver},
                                          {"remarks", source.remarks}}
                               .dump());
    else
        fmt::print("{}: {} parameters, images of {}×{}×{}\n", options.out, model.store.parameter_count(),
                   configuration.data.height, configuration.data.width, configuration.data.channels);
}

} // namespace

void add_import_command(CLI::App& app) {
    auto o = std::make_shared<ImportOptions>();
    CLI::App* command =
        app.add_subcommand("import", "Make a run folder of a diffusers pipeline or UNet2DModel");
    command->add_option("folder", o->folder, "Folder that diffusers' save_pretrained wrote")
        ->type_name("FOLDER")
        ->required();
    command->add_option("--out", o->out, "Run folder to make")->type_name("FOLDER")->required();
    command->add_option("--set", o->settings, "Override a key of the run's configuration; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_flag("--json", o->json, "Print the result as JSON");
    add_quiet_flag(*command);
    command->footer(
        "Examples:\n"
        "  engine import ddpm-cifar10-32 --out runs/cifar10\n"
        "  engine import my-unet --out runs/tuned --set data.path=photographs --set train.batch=16");
    command->callback([o] { import_folder(*o); });
}

} // namespace heat::tools
