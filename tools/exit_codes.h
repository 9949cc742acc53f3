#pragma once

namespace heat::tools {

struct ExitCode {
    int code;
    const char* meaning;
};

/// What the program ends with; --help, the manual page and docs/configuration.md say so.
inline constexpr ExitCode exit_codes[] = {
    {0, "done"},
    {1, "an error (one line on standard error says which)"},
    {2, "a wrong command line"},
    {130, "interrupted (training is saved)"},
};

} // namespace heat::tools
