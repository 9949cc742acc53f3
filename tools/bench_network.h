#pragma once

#include <CLI/CLI.hpp>

namespace heat::tools {

/// Adds `network` to `engine bench`: whole training and sampling steps of a configuration's network on
/// made-up images.
void add_network_benchmark(CLI::App& bench);

} // namespace heat::tools
