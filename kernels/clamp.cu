#include "kernels/clamp.h"
#include "kernels/parallel.h"

namespace heat::kernels {

namespace {

struct Clamp {
    const float* x;
    float* y;
    float low, high;

    template <int V>
    HEAT_HD void at(int64_t i) const {
        Vec<float, V> values = load<V>(x + i);
        for (int k = 0; k < V; ++k) {
            const float value = values.v[k];
            values.v[k] = value < low ? low : (value > high ? high : value);
        }
        store<V>(y + i, values);
    }
};

} // namespace

void clamp(const Stream& stream, const float* x, float low, float high, float* y, int64_t n) {
    // Slices of a tensor need not be aligned to four floats.
    const bool aligned = ((reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y)) & 15u) == 0;
    if (aligned)
        parallel_for<4>(stream, n, Clamp{x, y, low, high});
    else
        parallel_for<1>(stream, n, Clamp{x, y, low, high});
}

} // namespace heat::kernels
