#include "kernels/transform/codelet_table.h"

namespace heat::kernels {

template <>
CodeletSet<double> codelets(int n) {
    return find_codelets<double>(n, CodeletLengths{});
}

} // namespace heat::kernels
