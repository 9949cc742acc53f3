#include "kernels/remark.h"

#include <cstdio>
#include <mutex>
#include <set>

namespace heat::kernels {
namespace {

struct Remarks {
    std::mutex mutex;
    std::set<std::string> told;
    RemarkWriter writer = nullptr;
};

Remarks& remarks() {
    static auto& all = *new Remarks;
    return all;
}

} // namespace

void remark_once(const std::string& topic, const std::string& line) {
    Remarks& r = remarks();
    const std::lock_guard lock(r.mutex);
    if (!r.told.insert(topic).second) return;
    if (r.writer)
        r.writer(line);
    else
        std::fputs((line + '\n').c_str(), stderr);
}

void set_remark_writer(RemarkWriter writer) {
    Remarks& r = remarks();
    const std::lock_guard lock(r.mutex);
    r.told.clear();
    r.writer = writer;
}

} // namespace heat::kernels
