#include "tools/commands.h"
#include "tools/exit_codes.h"
#include "tools/interrupt.h"
#include "tools/nearest.h"
#include "tools/remark.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

namespace {

/// oneDNN and our kernels share OpenMP's pool. libgomp's threads spin for long between parallel regions,
/// which slows every other process of a busy machine, and ours by as much; libgomp reads the limit before
/// main, so the program starts itself once more.
void tame_openmp(char** argv) {
    if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
    ::setenv("GOMP_SPINCOUNT", "10000", 1);
    ::execv("/proc/self/exe", argv);
}

/// One line, whatever a message quotes: a file's name or content may hold control characters.
void print_error(const std::string& message) {
    std::string line;
    for (const char c : message)
        line += static_cast<unsigned char>(c) < 32 || c == 127
                    ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c))
                    : std::string(1, c);
    heat::tools::remark("error: " + line);
}

std::string exit_code_text() {
    std::string text;
    for (const heat::tools::ExitCode& code : heat::tools::exit_codes)
        text += fmt::format("{}{} {}", text.empty() ? "Exit codes: " : ", ", code.code, code.meaning);
    return text + ".";
}

/// The error of a word that stands where a command should, or an option before one, and is none; "" where
/// that is not what is wrong.
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
    const CLI::App* command = &app;
    std::string name = app.get_name();
    for (int i = 1; i < argc; ++i) {
        const auto below = command->get_subcommands([](const CLI::App*) { return true; });
        if (below.empty()) return ""; // what follows are options and arguments of the command
        const std::string word = argv[i];
        if (word.starts_with('-'))
            return command->get_option_no_throw(word.substr(0, word.find('='))) != nullptr
                       ? ""
                       : fmt::format("unknown option {}: see {} --help", word, name);
        const auto found = std::find_if(below.begin(), below.end(),
                                        [&](const CLI::App* c) { return c->get_name() == argv[i]; });
        if (found != below.end()) {
            command = *found;
            name += " " + command->get_name();
            continue;
        }
        std::vector<std::string> names;
        names.reserve(below.size());
        for (const CLI::App* c : below) names.push_back(c->get_name());
        return fmt::format("unknown command {}; did you mean {} {}? There are {}", argv[i], name,
                           heat::tools::nearest_name(argv[i], names), fmt::join(names, ", "));
    }
    return "";
}

int run(int argc, char** argv) {
    CLI::App app{"Heat Engine: trains and samples image models whose forward process is an operator.",
                 "engine"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "engine " HEAT_VERSION);
    app.footer("`engine COMMAND --help` shows a command's options and examples.\n" + exit_code_text());
    heat::tools::add_train_command(app);
    heat::tools::add_sample_command(app);
    heat::tools::add_likelihood_command(app);
    heat::tools::add_predict_command(app);
    heat::tools::add_classify_command(app);
    heat::tools::add_process_command(app);
    heat::tools::add_data_command(app);
    heat::tools::add_import_command(app);
    heat::tools::add_export_command(app);
    heat::tools::add_info_command(app);
    heat::tools::add_bench_command(app);
    heat::tools::add_operator_command(app);
    heat::tools::add_completion_command(app);
    heat::tools::add_man_command(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& e) {
        return app.exit(e);
    } catch (const CLI::RuntimeError& e) {
        return e.get_exit_code();
    } catch (const CLI::ParseError& e) {
        const std::string unknown = unknown_command(app, argc, argv);
        if (argc == 1) heat::tools::remark(app.help());
        print_error(unknown.empty() ? e.what() : unknown);
        return 2;
    } catch (const heat::tools::Interrupted&) {
        print_error("interrupted");
        return 130;
    } catch (const std::bad_alloc&) {
        print_error("out of memory: lower the batch size");
        return 1;
    } catch (const std::length_error&) {
        print_error("out of memory: lower the batch size");
        return 1;
    } catch (const std::exception& e) {
        print_error(e.what());
        return 1;
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    tame_openmp(argv);
    try {
        return run(argc, argv);
    } catch (...) { // what failed while failing
        std::fputs("error: out of memory\n", stderr);
        return 1;
    }
}
