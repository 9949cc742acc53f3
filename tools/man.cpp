#include "tools/commands.h"
#include "tools/man_page.h"

#include <fmt/format.h>

namespace heat::tools {

void add_man_command(CLI::App& app) {
    CLI::App* command = app.add_subcommand("man", "Print the manual page engine(1)");
    command->footer("Examples:\n"
                    "  engine man > engine.1\n"
                    "  engine man | man -l -");
    command->callback([&app] { fmt::print("{}", man_page(describe_commands(app), HEAT_VERSION)); });
}

} // namespace heat::tools
