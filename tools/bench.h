#pragma once

#include <CLI/CLI.hpp>

namespace heat::tools {

// The subcommands of `engine bench` (tools/bench_<name>.cpp).
void add_bench_device_command(CLI::App& bench);
void add_bench_ops_command(CLI::App& bench);
void add_bench_transforms_command(CLI::App& bench);

} // namespace heat::tools
