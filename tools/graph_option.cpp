#include "tools/graph_option.h"

#include "kernels/remark.h"
#include "tools/output.h"

namespace heat::tools {

void GraphOption::add_to(CLI::App& command) {
    command.add_flag("--no-graphs", off,
                     "On a GPU: launch each kernel by itself, not steps as CUDA graphs; the same results");
}

GraphOptions GraphOption::resolve(Device device, bool profiles) const {
    if (device == Device::cuda && profiles && !off)
        note("the profile is of steps without CUDA graphs, which hide their kernels");
    return {.wanted = !off,
            .remark = [](const std::string& line) { kernels::remark_once("CUDA graphs", line); },
            .calls = {}};
}

} // namespace heat::tools
