#include "kernels/cuda_error.h"

namespace heat::kernels {

void synchronize(const Stream& stream) {
#if defined(__CUDACC__)
    if (stream.on_cuda) check_cuda(cudaStreamSynchronize(cuda_stream(stream)));
#endif
    (void)stream;
}

} // namespace heat::kernels
