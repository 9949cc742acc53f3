#pragma once

#include <string>

namespace heat::tools {

/// A line on standard error. It may get lost: a terminal or pipe that was closed must not end a training.
void remark(const std::string& line);

} // namespace heat::tools
