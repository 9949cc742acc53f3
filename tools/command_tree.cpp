#include "tools/command_tree.h"

#include <fmt/format.h>

namespace heat::tools {
namespace {

/// The words of the last "{a,b,c}" in a type name.
std::vector<std::string> choices_in(const std::string& type_name) {
    const size_t open = type_name.rfind('{'), close = type_name.rfind('}');
    if (open == std::string::npos || close == std::string::npos || close < open) return {};
    return CLI::detail::split(type_name.substr(open + 1, close - open - 1), ',');
}

ValueKind kind_of(const std::string& type_name) {
    if (!choices_in(type_name).empty()) return ValueKind::choice;
    if (type_name.starts_with("FOLDER") || type_name.starts_with("[FOLDER]")) return ValueKind::folder;
    if (type_name.starts_with("KEY=VALUE")) return ValueKind::setting;
    for (const char* number : {"INT", "UINT", "FLOAT"})
        if (type_name.starts_with(number)) return ValueKind::number;
    return ValueKind::file;
}

CommandOption describe_option(const CLI::Option& option) {
    CommandOption described;
    if (option.get_positional()) described.names.push_back(option.get_name(true));
    for (const std::string& name : option.get_snames()) described.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) described.names.push_back("--" + name);
    described.description = option.get_description();
    described.required = option.get_required();
    described.repeatable = option.get_expected_max() > 1;
    if (option.get_items_expected_max() == 0) return described; // a flag
    const std::string type_name = option.get_type_name();
    described.kind = kind_of(type_name);
    described.choices = choices_in(type_name);
    // "INT:INT in [0 - 9]" is the range's way to say INT.
    described.value_name = described.choices.empty() ? type_name.substr(0, type_name.find(':'))
                                                     : fmt::format("{}", fmt::join(described.choices, "|"));
    described.default_value = option.get_default_str();
    return described;
}

Command describe(const CLI::App& app, std::vector<std::string> path) {
    Command command;
    command.path = std::move(path);
    command.description = app.get_description();
    command.footer = app.get_footer();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue; // hidden
        (option->get_positional() ? command.arguments : command.options).push_back(describe_option(*option));
    }
    for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
        if (below->get_name().empty() || below->get_group().empty()) continue;
        std::vector<std::string> longer = command.path;
        longer.push_back(below->get_name());
        command.commands.push_back(describe(*below, longer));
    }
    return command;
}

void append_all(const Command& command, std::vector<const Command*>& all) {
    all.push_back(&command);
    for (const Command& below : command.commands) append_all(below, all);
}

} // namespace

std::string Command::joined_path(const std::string& separator) const {
    return fmt::format("{}", fmt::join(path, separator));
}

Command describe_commands(const CLI::App& app) {
    return describe(app, {});
}

std::vector<const Command*> all_commands(const Command& root) {
    std::vector<const Command*> all;
    append_all(root, all);
    return all;
}

} // namespace heat::tools
