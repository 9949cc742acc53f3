#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/trainer.h"

#include <fmt/format.h>

namespace heat::tools {
namespace {

struct TrainOptions {
    std::string config, out, device = "auto";
    std::vector<std::string> settings;
};

/// What a checkpoint cannot be carried over to: another network, process, kind of image, order of data or
/// optimiser state. The rest (length, learning rate, dtype, logging, where the data lie) may change when a
/// run goes on.
Configuration without_free_keys(Configuration c) {
    const TrainConfig fixed = c.train;
    c.train = TrainConfig();
    c.train.batch = fixed.batch;
    c.train.seed = fixed.seed;
    c.train.optimizer = fixed.optimizer;
    c.train.optimizer.learning_rate = 0;
    c.sample = SampleConfig();
    c.data.path.clear();
    c.data.format.clear();
    c.data.memory_limit = 0;
    return c;
}

Configuration configuration_for(const TrainOptions& options, const RunFolder& folder) {
    Configuration asked = read_configuration(options.config, options.settings);
    if (folder.checkpoints().empty()) return asked;
    const Configuration begun = read_configuration(folder.config());
    if (asked.train.dtype == "auto") asked.train.dtype = begun.train.dtype;
    if (to_toml(without_free_keys(asked)) != to_toml(without_free_keys(begun)))
        throw Error(fmt::format("{}: this run was begun with another network, process or batch; compare {} "
                                "with {}, or choose another --out",
                                folder.path().string(), options.config, folder.config().string()));
    return asked;
}

void train(const TrainOptions& options) {
    const Device device = device_from_name(options.device);
    RunFolder folder(options.out);
    const Configuration configuration = configuration_for(options, folder);
    Trainer trainer(configuration, device);
    fmt::print(stderr, "{}\n{} parameters, activations {}, {}\n", trainer.dataset().description,
               trainer.model().store.parameter_count(), name_of(trainer.model().dtype), name_of(device));
    folder.lock();
    const bool done = trainer.run(folder);
    if (!done) {
        fmt::print(stderr, "stopped at step {}, saved; go on with: engine train {} --out {}\n",
                   trainer.step(), folder.config().string(), options.out);
        throw CLI::RuntimeError(130);
    }
    fmt::print(stderr, "peak memory {} MiB\n", memory_statistics(device).peak >> 20);
    fmt::print("{}\n", folder.checkpoint_folder(trainer.step()).string());
}

} // namespace

void add_train_command(CLI::App& app) {
    auto options = std::make_shared<TrainOptions>();
    CLI::App* command =
        app.add_subcommand("train", "Train a network; resumes by itself where the run folder stands");
    command->add_option("config", options->config, "Configuration (TOML)")->required();
    command->add_option("--out", options->out, "Run folder, made if needed")->required();
    command->add_option("--set", options->settings, "Override a key, e.g. train.batch=32; may be repeated")
        ->allow_extra_args(false);
    command->add_option("--device", options->device, "auto, cpu or cuda")->capture_default_str();
    command->footer("Examples:\n"
                    "  engine train configs/fashion-mnist-ddpm.toml --out runs/garments\n"
                    "  engine train configs/cifar10-ddpm.toml --out runs/cifar --set "
                    "data.path=cifar-10-batches-bin --set train.batch=64");
    command->callback([options] { train(*options); });
}

} // namespace heat::tools
