#include "tools/output.h"

#include "tools/remark.h"

namespace heat::tools {
namespace {
bool quiet = false; // as the command line says, once, before the command begins
} // namespace

void add_quiet_flag(CLI::App& command) {
    command.add_flag("-q,--quiet", quiet, "Only errors and warnings on standard error");
}

bool is_quiet() {
    return quiet;
}

void note(const std::string& line) {
    if (!quiet) remark(line);
}

} // namespace heat::tools
