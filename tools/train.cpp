#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/profiling.h"
#include "tools/remark.h"
#include "tools/trainer.h"

#include <fmt/format.h>

#include <cstring>

namespace heat::tools {
namespace {

struct TrainOptions {
    std::string config, out, device = "auto";
    std::vector<std::string> settings;
    ProfileOption profile;
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
    const Configuration begun = folder.configuration();
    if (asked.train.dtype == "auto") asked.train.dtype = begun.train.dtype;
    if (to_toml(without_free_keys(asked)) != to_toml(without_free_keys(begun)))
        throw Error(fmt::format("{}: this run was begun with another network, process or batch; compare {} "
                                "with {}, or choose another --out",
                                folder.path().string(), options.config, folder.config().string()));
    return asked;
}

void train(const TrainOptions& options) {
    constexpr const char* stopped_early =
        "stopped before the training began, nothing was written; the same command begins again\n";
    const Device device = device_from_name(options.device);
    const InterruptGuard guard(stopped_early);
    RunFolder folder(options.out);
    if (folder.exists()) folder.lock(); // refused before the data are read, and nobody else changes it
    const Configuration configuration = configuration_for(options, folder);
    Trainer trainer(configuration, device);
    remark(fmt::format("{}\n{} parameters, activations {}, {}", trainer.dataset().description,
                       trainer.model().store.parameter_count(), name_of(trainer.model().dtype),
                       name_of(device)));
    InterruptGuard::defer();
    folder.lock();
    ProfileRecording recording(options.profile, device);
    bool done = false;
    try {
        done = trainer.run(folder);
    } catch (const Interrupted&) {
        remark(std::string(stopped_early, std::strlen(stopped_early) - 1));
        throw CLI::RuntimeError(130);
    }
    recording.finish(folder.path() / "profile");
    if (!done) {
        remark(fmt::format("stopped at step {}, saved; go on with: engine train {} --out {}", trainer.step(),
                           folder.config().string(), options.out));
        throw CLI::RuntimeError(130);
    }
    remark(fmt::format("peak memory {} MiB", memory_statistics(device).peak >> 20));
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
    options->profile.add_to(*command, "RUN/profile");
    command->footer("Examples:\n"
                    "  engine train configs/fashion-mnist-ddpm.toml --out runs/garments\n"
                    "  engine train configs/cifar10-ddpm.toml --out runs/cifar --set "
                    "data.path=cifar-10-batches-bin --set train.batch=64");
    command->callback([options] { train(*options); });
}

} // namespace heat::tools
