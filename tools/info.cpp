#include "engine/machine.h"
#include "tools/commands.h"
#include "tools/math_flags.h"
#include "tools/model.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace heat::tools {
namespace {

struct InfoOptions {
    std::string source;
    std::vector<std::string> settings;
    bool json = false;
};

nlohmann::json describe_build() {
    nlohmann::json libraries = nlohmann::json::array();
    for (const LinkedLibrary& l : linked_libraries())
        libraries.push_back({{"name", l.name}, {"version", l.version}, {"license", l.license}});
    return {{"version", HEAT_VERSION},
            {"cpu", describe_device(Device::cpu)},
            {"gpu", describe_device(Device::cuda)},
            {"cpu_bf16_is_faster", bf16_is_faster(Device::cpu)},
            {"gpu_math", describe_math_mode()},
            {"libraries", libraries}};
}

nlohmann::json describe_configuration(const std::string& source, const std::vector<std::string>& settings) {
    const Configuration c = configuration_of(source, settings);
    ParameterStore store;
    const nets::UNet network(c.network, store); // declares the parameters, takes no memory for them
    nlohmann::json info{{"process", c.process.kind},   {"parameters", store.parameter_count()},
                        {"height", c.data.height},     {"width", c.data.width},
                        {"channels", c.data.channels}, {"steps", c.train.steps},
                        {"batch", c.train.batch}};
    if (std::filesystem::is_directory(source)) {
        nlohmann::json steps = nlohmann::json::array();
        for (const Checkpoint& checkpoint : RunFolder(source).checkpoints()) steps.push_back(checkpoint.step);
        info["checkpoints"] = steps;
    }
    return info;
}

void print_text(const nlohmann::json& info) {
    for (const auto& [key, value] : info.items()) {
        if (key == "libraries") {
            for (const auto& l : value)
                fmt::print("{:<24} {} {} ({})\n", "library", l["name"].get<std::string>(),
                           l["version"].get<std::string>(), l["license"].get<std::string>());
        } else {
            fmt::print("{:<24} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }
}

} // namespace

void add_info_command(CLI::App& app) {
    auto o = std::make_shared<InfoOptions>();
    CLI::App* command = app.add_subcommand(
        "info", "This build and machine; or a configuration or run: network size, checkpoints");
    command->add_option("config_or_run", o->source, "Configuration (TOML) or run folder")->type_name("PATH");
    command->add_option("--set", o->settings, "Override a key; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_flag("--json", o->json, "Print JSON");
    command->footer("Examples:\n  engine info\n  engine info configs/cifar10-ddpm.toml --json");
    command->callback([o] {
        const nlohmann::json info =
            o->source.empty() ? describe_build() : describe_configuration(o->source, o->settings);
        if (o->json)
            fmt::print("{}\n", info.dump());
        else
            print_text(info);
    });
}

} // namespace heat::tools
