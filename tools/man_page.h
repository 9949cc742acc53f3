#pragma once

#include "tools/command_tree.h"

#include <string>

namespace heat::tools {

/// The manual page engine(1) in roff's man macros.
std::string man_page(const Command& root, const std::string& version);

} // namespace heat::tools
