#pragma once

#include "engine/device.h"
#include "engine/graph.h"

#include <CLI/CLI.hpp>

namespace heat::tools {

/// `--no-graphs` of a command.
struct GraphOption {
    bool off = false;

    /// Declares it. The option must stay where it is as long as the command.
    void add_to(CLI::App& command);
    /// What follows from it. On a card a profile records steps without graphs, which this says. What could
    /// not be captured is said once in a process.
    GraphOptions resolve(Device device, bool profiles) const;
};

} // namespace heat::tools
