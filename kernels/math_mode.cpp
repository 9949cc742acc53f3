#include "kernels/math_mode.h"

#include <atomic>

namespace heat::kernels {

static std::atomic<MathMode> current{MathMode{}};

MathMode math_mode() {
    return current;
}
void set_math_mode(MathMode mode) {
    current = mode;
}

} // namespace heat::kernels
