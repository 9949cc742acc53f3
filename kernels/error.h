#pragma once

#include <stdexcept>
#include <string>

namespace heat {

/// The one exception type of the engine. The message is one line that says what was expected,
/// what came, and what to do about it; a command prints it after "error: " and exits non-zero.
class Error : public std::runtime_error {
public:
    explicit Error(const std::string& message) : std::runtime_error(message) {}
};

} // namespace heat
