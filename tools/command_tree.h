#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace heat::tools {

/// What follows an option or stands as an argument, as far as a shell can complete it.
enum class ValueKind {
    none,    ///< a flag takes nothing
    file,    ///< a path, or text of any kind
    folder,  ///< type name FOLDER, or [FOLDER] where it may be left out
    number,  ///< INT, UINT, FLOAT
    choice,  ///< type name {a,b,c}, or a CLI::IsMember
    setting, ///< type name KEY=VALUE: a key of the configuration
};

/// An option or an argument (positional) of a command.
struct CommandOption {
    std::vector<std::string> names; ///< with their dashes, short ones first; an argument has one, without
    ValueKind kind = ValueKind::none;
    std::vector<std::string> choices;
    std::string value_name; ///< "FOLDER", "INT"; "" for a flag
    std::string description, default_value;
    bool required = false;
    bool repeatable = false;
};

/// A command of the program with all below it, as completion scripts and the manual page need it. It is read
/// off the parser, so that a command added there is in all of them.
struct Command {
    std::vector<std::string> path; ///< {"data", "inspect"}; empty for the program itself
    std::string description, footer;
    std::vector<CommandOption> options, arguments;
    std::vector<Command> commands;

    /// The path in one word or text: "data inspect".
    std::string joined_path(const std::string& separator) const;
};

Command describe_commands(const CLI::App& app);

/// The command and all below it, parents first.
std::vector<const Command*> all_commands(const Command& root);

} // namespace heat::tools
