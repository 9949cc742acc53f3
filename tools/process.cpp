#include "tools/commands.h"
#include "tools/model.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace heat::tools {
namespace {

struct ProcessOptions {
    std::string source;
    std::vector<std::string> settings;
    int rows = 11;
    bool json = false;
};

/// What is not finite becomes null.
void print_json(const processes::Process& process) {
    nlohmann::json report = nlohmann::json::object(), tables = nlohmann::json::object();
    for (const processes::ReportEntry& e : process.report())
        report[e.name] = {{"value", e.value}, {"meaning", e.text}};
    for (const processes::TableColumn& c : process.tables()) tables[c.name] = c.values;
    const nlohmann::json out{{"kind", process.name()},
                             {"steps", process.steps()},
                             {"solvers", process.solvers()},
                             {"report", report},
                             {"tables", tables}};
    fmt::print("{}\n", out.dump());
}

void print_text(const processes::Process& process, int rows) {
    fmt::print("{}, {} levels; solvers: {}\n\n", process.name(), process.steps(),
               fmt::join(process.solvers(), ", "));
    for (const processes::ReportEntry& e : process.report())
        fmt::print("{:<32} {:>12.6g}   {}\n", e.name, e.value, e.text);
    fmt::print("\n{:>6}", "level");
    const std::vector<processes::TableColumn> tables = process.tables();
    for (const processes::TableColumn& c : tables) fmt::print(" {:>20}", c.name);
    fmt::print("\n");
    const int count = std::min(rows, process.steps() + 1);
    for (int i = 0; i < count; ++i) {
        const size_t level = count > 1 ? size_t(int64_t(i) * process.steps() / (count - 1)) : 0;
        fmt::print("{:>6}", level);
        for (const processes::TableColumn& c : tables) fmt::print(" {:>20.8g}", c.values[level]);
        fmt::print("\n");
    }
}

} // namespace

void add_process_command(CLI::App& app) {
    auto o = std::make_shared<ProcessOptions>();
    CLI::App* command = app.add_subcommand("process", "Tables of a process and its report on itself");
    command->add_option("config_or_run", o->source, "Configuration (TOML) or run folder")
        ->type_name("PATH")
        ->required();
    command->add_option("--set", o->settings, "Override a key, e.g. process.steps=100; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    command->add_option("--rows", o->rows, "Levels to print, evenly spread")
        ->capture_default_str()
        ->check(CLI::Range(2, 1000001));
    command->add_flag("--json", o->json, "Everything as JSON, all levels");
    command->footer("Example:\n  engine process configs/fashion-mnist-ihdm.toml --set process.sigma_max=14");
    command->callback([o] {
        const auto process = make_process(configuration_of(o->source, o->settings), Device::cpu);
        if (o->json)
            print_json(*process);
        else
            print_text(*process, o->rows);
    });
}

} // namespace heat::tools
