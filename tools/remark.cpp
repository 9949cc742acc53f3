#include "tools/remark.h"

#include <cstdio>

namespace heat::tools {

void remark(const std::string& line) {
    const std::string text = line + '\n';
    std::fputs(text.c_str(), stderr);
}

} // namespace heat::tools
