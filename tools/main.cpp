#include "tools/commands.h"
#include "tools/interrupt.h"
#include "tools/remark.h"

#include <fmt/format.h>
#include <unistd.h>

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

int run(int argc, char** argv) {
    CLI::App app{"Heat Engine: trains and samples image models whose forward process is an operator.",
                 "engine"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "engine " HEAT_VERSION);
    app.footer("`engine COMMAND --help` shows a command's options and examples.\n"
               "Exit codes: 0 done, 1 an error (one line says which), 2 a wrong command line, 130 "
               "interrupted (training is saved).");
    heat::tools::add_train_command(app);
    heat::tools::add_sample_command(app);
    heat::tools::add_predict_command(app);
    heat::tools::add_process_command(app);
    heat::tools::add_data_command(app);
    heat::tools::add_info_command(app);
    heat::tools::add_bench_command(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& e) {
        return app.exit(e);
    } catch (const CLI::RuntimeError& e) {
        return e.get_exit_code();
    } catch (const CLI::ParseError& e) {
        if (app.get_subcommands().empty() && argc > 1)
            print_error(fmt::format(
                "unknown command {}: expected train, sample, predict, process, data, info or bench",
                argv[1]));
        else
            print_error(e.what());
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
