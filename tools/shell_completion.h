#pragma once

#include "tools/command_tree.h"

#include <string>
#include <vector>

namespace heat::tools {

// Completion scripts for the program `engine` (docs/install.md says where each shell looks for them). `keys`
// are those of the configuration, for options that take KEY=VALUE.
std::string bash_completion(const Command& root, const std::vector<std::string>& keys);
std::string zsh_completion(const Command& root, const std::vector<std::string>& keys);
std::string fish_completion(const Command& root, const std::vector<std::string>& keys);

} // namespace heat::tools
