#include "tools/bench.h"

#include "tools/bench_network.h"
#include "tools/commands.h"

namespace heat::tools {

void add_bench_command(CLI::App& app) {
    CLI::App* command = app.add_subcommand("bench", "Measure this machine and the engine's ops on it");
    command->require_subcommand(1);
    command->footer("Examples:\n"
                    "  engine bench device\n"
                    "  engine bench ops --filter 'conv2d|group_norm'");
    add_bench_device_command(*command);
    add_bench_ops_command(*command);
    add_bench_transforms_command(*command);
    add_network_benchmark(*command);
}

} // namespace heat::tools
