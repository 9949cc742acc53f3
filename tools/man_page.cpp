#include "tools/man_page.h"

#include "tools/exit_codes.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>
#include <span>
#include <sstream>

namespace heat::tools {
namespace {

struct Entry {
    const char *name, *text;
};

constexpr Entry run_files[] = {
    {"RUN/config.toml", "The configuration, every key that has a value."},
    {"RUN/checkpoints/step-NNNNNNN/", "A checkpoint: model, ema and optimizer .safetensors, and state.json."},
    {"RUN/metrics.jsonl",
     "A JSON object each train.log_every updates: step, loss, learning rate, gradient norm."},
    {"RUN/tensorboard/", "The same, and the sample grids, as event files of TensorBoard."},
    {"RUN/samples/step-NNNNNNN.png", "Sample grids, where train.sample_every is above 0."},
    {"RUN/prior.safetensors", "Of ihdm and cold: the blurred training images that sampling starts from."},
    {"RUN/profile/", "What --profile writes."},
    {"RUN/.lock", "Held while a process trains there."},
};

constexpr Entry environment[] = {
    {"OMP_NUM_THREADS", "Threads of the kernels on the CPU; all of the machine's by default."},
    {"GOMP_SPINCOUNT, OMP_WAIT_POLICY", "How long waiting threads spin. Where neither is set, the program "
                                        "sets GOMP_SPINCOUNT=10000, so that a busy "
                                        "machine is not slowed."},
    {"CUDA_VISIBLE_DEVICES", "The GPU to use, in a build with CUDA."},
};

/// One line of running text: hyphens and backslashes as they are on the command line, other letters than
/// ASCII's by their code point; a dot or quote at the beginning would be a request.
std::string text(const std::string& plain) {
    std::string escaped;
    for (size_t i = 0; i < plain.size(); ++i) {
        const auto byte = static_cast<unsigned char>(plain[i]);
        if (byte == '\\') {
            escaped += "\\e";
        } else if (byte == '-') {
            escaped += "\\-";
        } else if (byte < 0x80) {
            escaped += plain[i];
        } else { // UTF-8: the number of leading ones is the number of bytes
            const int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
            uint32_t code_point = byte & (0x3Fu >> more);
            for (int k = 0; k < more && i + 1 < plain.size(); ++k)
                code_point = code_point << 6 | (static_cast<unsigned char>(plain[++i]) & 0x3Fu);
            escaped += fmt::format("\\[u{:04X}]", code_point);
        }
    }
    if (escaped.starts_with('.') || escaped.starts_with('\'')) escaped.insert(0, "\\&");
    return escaped;
}

std::string upper_case(std::string name) {
    for (char& c : name) c = char(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

/// "\fB\-\-out\fR \fIFOLDER\fR"
std::string option_title(const CommandOption& option) {
    std::string title;
    for (const std::string& name : option.names)
        title += fmt::format("{}\\fB{}\\fR", title.empty() ? "" : ", ", text(name));
    if (!option.value_name.empty()) title += fmt::format(" \\fI{}\\fR", text(option.value_name));
    return title;
}

/// " \fICONFIG\fR", in brackets where it may be left out.
std::string argument_title(const CommandOption& argument) {
    const std::string name = fmt::format("\\fI{}\\fR", text(upper_case(argument.names.front())));
    return argument.required ? " " + name : " [" + name + "]";
}

void append_entries(std::string& page, std::span<const Entry> entries) {
    for (const Entry& entry : entries)
        page += fmt::format(".TP\n.B {}\n{}\n", text(entry.name), text(entry.text));
}

void append_option(std::string& page, const CommandOption& option, const std::string& title) {
    page += fmt::format(".TP\n{}\n{}", title, text(option.description));
    std::vector<std::string> notes;
    if (option.required) notes.emplace_back("required");
    if (!option.default_value.empty()) notes.push_back("default: " + option.default_value);
    if (!notes.empty()) page += text(fmt::format(" ({})", fmt::join(notes, "; ")));
    page += '\n';
}

/// A footer as it stands, without filling: examples are commands.
void append_footer(std::string& page, const std::string& footer) {
    std::istringstream lines(footer);
    bool verbatim = false;
    for (std::string line; std::getline(lines, line);) {
        const bool indented = line.starts_with("  ");
        if (indented != verbatim) page += indented ? ".PP\n.nf\n.RS\n" : ".RE\n.fi\n";
        if (!indented) page += ".PP\n";
        verbatim = indented;
        page += text(indented ? line.substr(2) : line) + '\n';
    }
    if (verbatim) page += ".RE\n.fi\n";
}

void append_command(std::string& page, const Command& command) {
    const std::string name = "engine " + command.joined_path(" ");
    page += fmt::format(".SS {}\n{}.\n.PP\n.B {}\n[\\fIOPTION\\fR]...", text(name), text(command.description),
                        text(name));
    for (const CommandOption& argument : command.arguments) page += argument_title(argument);
    if (!command.commands.empty()) page += " \\fICOMMAND\\fR";
    page += '\n';
    for (const CommandOption& argument : command.arguments) {
        std::string title = fmt::format("\\fI{}\\fR", text(upper_case(argument.names.front())));
        if (!argument.choices.empty()) title += fmt::format(" (\\fI{}\\fR)", text(argument.value_name));
        append_option(page, argument, title);
    }
    for (const CommandOption& option : command.options)
        if (option.names.back() != "--help") append_option(page, option, option_title(option));
    append_footer(page, command.footer);
}

} // namespace

std::string man_page(const Command& root, const std::string& version) {
    std::string page =
        fmt::format(".\\\" Made by `engine man`.\n.TH ENGINE 1 \"\" \"Heat Engine {}\" \"User Commands\"\n"
                    ".SH NAME\nengine \\- train and sample diffusion image models\n.SH SYNOPSIS\n",
                    text(version));
    const std::vector<const Command*> all = all_commands(root);
    const char* line_break = "";
    for (const Command* command : all) {
        if (!command->commands.empty()) continue;
        page +=
            fmt::format("{}.B engine {}\n[\\fIOPTION\\fR]...", line_break, text(command->joined_path(" ")));
        for (const CommandOption& argument : command->arguments) page += argument_title(argument);
        page += '\n';
        line_break = ".br\n";
    }
    page += fmt::format(".SH DESCRIPTION\n{}\n", text(root.description));
    page += "An experiment is a configuration file (TOML); a run is a folder that holds everything that "
            "training made.\n"
            "Every command explains itself with \\fB\\-\\-help\\fR.\n.SH OPTIONS\n";
    for (const CommandOption& option : root.options) append_option(page, option, option_title(option));
    page += ".SH COMMANDS\n";
    for (const Command* command : all)
        if (!command->path.empty()) append_command(page, *command);
    page += ".SH \"EXIT STATUS\"\n";
    for (const ExitCode& code : exit_codes)
        page += fmt::format(".TP\n.B {}\n{}\n", code.code, text(code.meaning));
    page += ".SH ENVIRONMENT\n";
    append_entries(page, environment);
    page += ".SH FILES\n";
    append_entries(page, run_files);
    page +=
        fmt::format(".SH NOTES\n{}\n",
                    text("The keys of a configuration: docs/configuration.md, installed with the program."));
    return page;
}

} // namespace heat::tools
