#include "processes/operators/columns.h"

#include <algorithm>

namespace heat::processes {

std::vector<Column> columns_of(int64_t count, int64_t points, int channels, std::span<const int> powers) {
    std::vector<Column> columns;
    columns.reserve(size_t(count * channels));
    for (int64_t i = 0; i < count; ++i)
        for (int c = 0; c < channels; ++c) columns.push_back({i * points * channels + c, powers[size_t(i)]});
    std::stable_sort(columns.begin(), columns.end(),
                     [](const Column& a, const Column& b) { return a.power > b.power; });
    return columns;
}

} // namespace heat::processes
