#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/dry_run.h"
#include "tools/graph_option.h"
#include "tools/interrupt.h"
#include "tools/math_flags.h"
#include "tools/output.h"
#include "tools/profiling.h"
#include "tools/run_options.h"
#include "tools/trainer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <cstring>

namespace heat::tools {
namespace {

struct TrainOptions {
    std::string config, out, device = "auto";
    std::vector<std::string> settings;
    ProfileOption profile;
    GraphOption graphs;
    bool json = false, dry_run = false;
};

/// What a checkpoint cannot be carried over to: another network, process, kind of image, order of data or
/// optimiser state. The rest (length, learning rate, dtype, logging, where the data lie) may change when a
/// run goes on.
Configuration without_free_keys(Configuration c) {
    const TrainConfig fixed = c.train;
    c.train = TrainConfig();
    c.train.batch = fixed.batch;
    c.train.seed = fixed.seed;
    c.train.timestep_sampling = fixed.timestep_sampling;
    c.train.optimizer = fixed.optimizer;
    c.train.optimizer.learning_rate = 0;
    c.train.label_dropout = fixed.label_dropout;
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

/// The last line of --json.
void print_result(const Trainer& trainer, const RunFolder& folder, Device device, bool finished,
                  const std::optional<LogRecord>& last, double seconds) {
    fmt::print("{}\n", nlohmann::json{{"run", folder.path().string()},
                                      {"checkpoint", folder.checkpoint_folder(trainer.step()).string()},
                                      {"step", trainer.step()},
                                      {"finished", finished},
                                      {"loss", last ? nlohmann::json(last->loss) : nlohmann::json(nullptr)},
                                      {"seconds", seconds},
                                      {"peak_memory_bytes", memory_statistics(device).peak}}
                           .dump());
}

void train(const TrainOptions& options) {
    constexpr const char* stopped_early =
        "stopped before the training began, nothing was written; the same command begins again\n";
    const Device device = device_from_name(options.device);
    const InterruptGuard guard(stopped_early);
    RunFolder folder(options.out);
    if (folder.exists() && !options.dry_run)
        folder.lock(); // refused before the data are read, and nobody else changes it
    Configuration configuration = configuration_for(options, folder);
    settle_math_mode(configuration.train);
    Trainer trainer(configuration, device, options.graphs.resolve(device, options.profile.wanted()));
    note(fmt::format("{}\n{} parameters, activations {}, {}", trainer.dataset().description,
                     trainer.model().store.parameter_count(), name_of(trainer.model().dtype),
                     name_of(device)));
    if (options.dry_run) {
        dry_run(trainer, folder, configuration, options.json);
        return;
    }
    InterruptGuard::defer();
    folder.lock();
    ProfileRecording recording(options.profile, device);
    const auto start = std::chrono::steady_clock::now();
    std::optional<LogRecord> last;
    bool done = false;
    try {
        done = trainer.run(folder, [&](const LogRecord& record) {
            last = record;
            if (options.json) {
                std::fputs((to_json(record) + '\n').c_str(),
                           stdout); // a reader that went away ends no training
                std::fflush(stdout);
            }
        });
    } catch (const Interrupted&) {
        note(std::string(stopped_early, std::strlen(stopped_early) - 1));
        throw CLI::RuntimeError(130);
    }
    recording.finish(folder.path() / "profile");
    if (options.json)
        print_result(trainer, folder, device, done, last,
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (!done) {
        note(fmt::format("stopped at step {}, saved; go on with: engine train {} --out {}", trainer.step(),
                         folder.config().string(), options.out));
        throw CLI::RuntimeError(130);
    }
    note(fmt::format("peak memory {} MiB", memory_statistics(device).peak >> 20));
    if (!options.json) fmt::print("{}\n", folder.checkpoint_folder(trainer.step()).string());
}

} // namespace

void add_train_command(CLI::App& app) {
    auto options = std::make_shared<TrainOptions>();
    CLI::App* command =
        app.add_subcommand("train", "Train a network; resumes by itself where the run folder stands");
    command->add_option("config", options->config, "Configuration (TOML)")->type_name("FILE")->required();
    command->add_option("--out", options->out, "Run folder, made if needed")->type_name("FOLDER")->required();
    command->add_option("--set", options->settings, "Override a key, e.g. train.batch=32; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    add_device_option(*command, options->device);
    options->graphs.add_to(*command);
    add_math_flags(*command);
    options->profile.add_to(*command, "RUN/profile");
    command->add_flag("--json", options->json,
                      "Print JSON: an object a line of the log, and the result as the last");
    command->add_flag("--dry-run", options->dry_run,
                      "Check everything, measure memory and time by some steps, write nothing");
    add_quiet_flag(*command);
    command->footer("Examples:\n"
                    "  engine train configs/fashion-mnist-ddpm.toml --out runs/garments\n"
                    "  engine train configs/cifar10-ddpm.toml --out runs/cifar --set "
                    "data.path=cifar-10-batches-bin --set train.batch=64\n"
                    "  engine train configs/fashion-mnist-ddpm.toml --out runs/garments --dry-run");
    command->callback([options] { train(*options); });
}

} // namespace heat::tools
