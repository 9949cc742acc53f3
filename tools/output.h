#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace heat::tools {

// What a command says: results on standard output; on standard error errors and warnings, and progress and
// notes for whoever watches, which --quiet turns off.

/// Adds --quiet to a command. It holds for the whole program from the command's parsing on.
void add_quiet_flag(CLI::App& command);
bool is_quiet();

/// Prints a line on standard error (tools/remark.h), unless quiet. Warnings are remarks: they are printed
/// always.
void note(const std::string& line);

} // namespace heat::tools
