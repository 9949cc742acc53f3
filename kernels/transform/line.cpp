#include "kernels/transform/line.h"

#include <map>
#include <mutex>
#include <tuple>

namespace heat::kernels {

template <class T>
const LineTransform<T>* line_transform(TransformKind kind, int n, bool fast) {
    static std::mutex mutex;
    static auto& plans =
        *new std::map<std::tuple<TransformKind, int, bool>, std::unique_ptr<LineTransform<T>>>();
    const std::lock_guard<std::mutex> lock(mutex);
    const auto [entry, is_new] = plans.try_emplace({kind, n, fast});
    if (is_new) entry->second = fast ? halving_transform<T>(kind, n) : folded_product<T>(kind, n);
    return entry->second.get();
}

template const LineTransform<float>* line_transform(TransformKind, int, bool);
template const LineTransform<double>* line_transform(TransformKind, int, bool);

} // namespace heat::kernels
