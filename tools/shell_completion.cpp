#include "tools/shell_completion.h"

#include <fmt/format.h>

#include <iterator>

namespace heat::tools {
namespace {

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

/// Text between single quotes, for any of the shells.
std::string quoted(const std::string& text, const std::string& escaped_quote) {
    return "'" + CLI::detail::find_and_replace(text, "'", escaped_quote) + "'";
}

std::vector<std::string> option_names(const Command& command) {
    std::vector<std::string> names;
    for (const CommandOption& option : command.options)
        names.insert(names.end(), option.names.begin(), option.names.end());
    return names;
}

std::vector<std::string> command_names(const Command& command) {
    std::vector<std::string> names;
    for (const Command& below : command.commands) names.push_back(below.path.back());
    return names;
}

// ---- bash

/// What completes a value of this kind, as a call of the script's own functions.
std::string bash_action(const CommandOption& option) {
    switch (option.kind) {
    case ValueKind::file:
        return "_engine_files -f";
    case ValueKind::folder:
        return "_engine_files -d";
    case ValueKind::choice:
        return fmt::format("_engine_words '{}'", joined(option.choices));
    case ValueKind::setting:
        return "_engine_settings";
    default:
        return ":";
    }
}

constexpr const char* bash_functions = R"(
_engine_words() { COMPREPLY+=($(compgen -W "$1" -- "$word")); }

_engine_files() { # -f: files and folders; -d: folders
    local name
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "$word")
}
)";

constexpr const char* bash_walk = R"(
_engine() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case "$command/${COMP_WORDS[i]}" in
)";

} // namespace

std::string bash_completion(const Command& root, const std::vector<std::string>& keys) {
    std::string script = "# bash completion for engine; made by `engine completion bash`.\n";
    auto out = std::back_inserter(script);
    script += bash_functions;
    fmt::format_to(out, "\n_engine_settings() {{\n    [[ $before != = ]] || return # the value\n"
                        "    compopt -o nospace 2>/dev/null\n    _engine_words '");
    for (const std::string& key : keys) fmt::format_to(out, "{}{}=", key == keys.front() ? "" : " ", key);
    script += "'\n}\n";
    script += bash_walk;
    const std::vector<const Command*> all = all_commands(root);
    for (const Command* command : all)
        for (const Command& below : command->commands)
            fmt::format_to(out, "            '{}/{}') command='{}' ;;\n", command->joined_path(" "),
                           below.path.back(), below.joined_path(" "));
    script += "        esac\n    done\n"
              "    # `--name=value` comes as three words.\n"
              "    if [[ $word == = ]]; then\n        word=''\n"
              "    elif [[ $before == = ]] && ((COMP_CWORD > 2)); then\n"
              "        before=${COMP_WORDS[COMP_CWORD - 2]}\n    fi\n"
              "    case \"$command $before\" in\n";
    for (const Command* command : all)
        for (const CommandOption& option : command->options) {
            if (option.kind == ValueKind::none) continue;
            const char* separator = "        ";
            for (const std::string& name : option.names) {
                fmt::format_to(out, "{}'{} {}'", separator, command->joined_path(" "), name);
                separator = " | ";
            }
            fmt::format_to(out, ") {}; return ;;\n", bash_action(option));
        }
    script += "    esac\n    case \"$command\" in\n";
    for (const Command* command : all) {
        fmt::format_to(
            out, "        '{}')\n            if [[ $word == -* ]]; then _engine_words '{}'\n            else",
            command->joined_path(" "), joined(option_names(*command)));
        if (command->commands.empty() && command->arguments.empty()) script += " :";
        if (!command->commands.empty())
            fmt::format_to(out, " _engine_words '{}'", joined(command_names(*command)));
        for (const CommandOption& argument : command->arguments)
            fmt::format_to(out, "{} {}",
                           &argument == &command->arguments.front() && command->commands.empty() ? "" : ";",
                           bash_action(argument));
        script += "\n            fi ;;\n";
    }
    script += "    esac\n}\n\ncomplete -F _engine engine\n";
    return script;
}

// ---- zsh

namespace {

std::string zsh_quoted(const std::string& text) {
    return quoted(text, "'\\''");
}

/// Brackets and colons structure an argument of _arguments.
std::string zsh_text(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string zsh_action(const CommandOption& option) {
    switch (option.kind) {
    case ValueKind::file:
        return "_files";
    case ValueKind::folder:
        return "_files -/";
    case ValueKind::choice:
        return fmt::format("({})", joined(option.choices));
    case ValueKind::setting:
        return "_engine_settings";
    default:
        return " ";
    }
}

std::string zsh_function(const Command& command) {
    return command.path.empty() ? "_engine" : "_engine_" + command.joined_path("_");
}

void append_zsh_function(std::string& script, const Command& command) {
    auto out = std::back_inserter(script);
    fmt::format_to(out,
                   "\n{}() {{\n    local context state state_descr line\n    typeset -A opt_args\n"
                   "    _arguments -C",
                   zsh_function(command));
    for (const CommandOption& option : command.options) {
        const std::string names = joined(option.names);
        const std::string value =
            option.kind == ValueKind::none
                ? ""
                : fmt::format(":{}:{}", zsh_text(option.value_name), zsh_action(option));
        for (const std::string& name : option.names) {
            const bool equals = option.kind != ValueKind::none && name.starts_with("--");
            const std::string excluded = option.repeatable ? "*" : fmt::format("({})", names);
            fmt::format_to(out, " \\\n        {}",
                           zsh_quoted(fmt::format("{}{}{}[{}]{}", excluded, name, equals ? "=" : "",
                                                  zsh_text(option.description), value)));
        }
    }
    if (!command.commands.empty()) {
        script += " \\\n        '1: :->command' '*:: :->arguments'\n    case $state in\n    command)\n"
                  "        local -a commands=(\n";
        for (const Command& below : command.commands)
            fmt::format_to(out, "            {}\n",
                           zsh_quoted(below.path.back() + ":" + zsh_text(below.description)));
        script +=
            "        )\n        _describe command commands ;;\n    arguments)\n        case $line[1] in\n";
        for (const Command& below : command.commands)
            fmt::format_to(out, "        {}) {} ;;\n", below.path.back(), zsh_function(below));
        script += "        esac ;;\n    esac\n}\n";
        return;
    }
    int position = 1;
    for (const CommandOption& argument : command.arguments) {
        const std::string place = argument.repeatable ? "*" : fmt::format("{}", position++);
        fmt::format_to(out, " \\\n        {}",
                       zsh_quoted(fmt::format("{}:{}:{}", place, zsh_text(argument.names.front()),
                                              zsh_action(argument))));
    }
    script += "\n}\n";
}

} // namespace

std::string zsh_completion(const Command& root, const std::vector<std::string>& keys) {
    std::string script = "#compdef engine\n# zsh completion for engine; made by `engine completion zsh`.\n"
                         "\n_engine_settings() {\n    local -a keys=(";
    script += joined(keys);
    script += ")\n    compadd -S '=' -a keys\n}\n";
    for (const Command* command : all_commands(root)) append_zsh_function(script, *command);
    script += "\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n    _engine \"$@\"\nelse\n"
              "    compdef _engine engine\nfi\n";
    return script;
}

// ---- fish

std::string fish_completion(const Command& root, const std::vector<std::string>& keys) {
    const auto fish_quoted = [](const std::string& text) { return quoted(text, "\\'"); };
    std::string script = "# fish completion for engine; made by `engine completion fish`.\n\n"
                         "function __engine_command --description 'The commands before the cursor'\n"
                         "    set -l command ''\n    for word in (commandline -opc)[2..]\n"
                         "        switch \"$command/$word\"\n";
    auto out = std::back_inserter(script);
    const std::vector<const Command*> all = all_commands(root);
    for (const Command* command : all)
        for (const Command& below : command->commands)
            fmt::format_to(out, "            case '{}/{}'\n                set command '{}'\n",
                           command->joined_path(" "), below.path.back(), below.joined_path(" "));
    script += "        end\n    end\n    echo $command\nend\n\ncomplete -c engine -f\n";
    for (const Command* command : all) {
        const std::string begin = fmt::format("complete -c engine -n 'test (__engine_command) = \"{}\"'",
                                              command->joined_path(" "));
        const auto words = [&](const CommandOption& option) -> std::string {
            switch (option.kind) {
            case ValueKind::folder:
                return " -a '(__fish_complete_directories)'";
            case ValueKind::choice:
                return fmt::format(" -a '{}'", joined(option.choices));
            case ValueKind::setting:
                return fmt::format(" -a '{}='", fmt::join(keys, "= "));
            default:
                return "";
            }
        };
        fmt::format_to(out, "\n");
        for (const Command& below : command->commands)
            fmt::format_to(out, "{} -a {} -d {}\n", begin, below.path.back(), fish_quoted(below.description));
        for (const CommandOption& argument : command->arguments)
            fmt::format_to(out, "{}{}\n", begin, argument.kind == ValueKind::file ? " -F" : words(argument));
        for (const CommandOption& option : command->options) {
            script += begin;
            for (const std::string& name : option.names)
                fmt::format_to(out, " {} {}", name.starts_with("--") ? "-l" : "-s",
                               name.substr(name.find_first_not_of('-')));
            const char* takes = option.kind == ValueKind::none   ? ""
                                : option.kind == ValueKind::file ? " -rF"
                                                                 : " -x";
            fmt::format_to(out, "{}{} -d {}\n", takes, words(option), fish_quoted(option.description));
        }
    }
    return script;
}

} // namespace heat::tools
