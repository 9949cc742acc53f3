#include "kernels/transform/codelet_table.h"

namespace heat::kernels {

template <>
CodeletSet<float> codelets(int n) {
    return find_codelets<float>(n, CodeletLengths{});
}

} // namespace heat::kernels
