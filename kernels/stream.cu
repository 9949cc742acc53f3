#include "kernels/parallel.h"

namespace heat::kernels {

void synchronize(const Stream& stream) {
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        const cudaError_t status = cudaStreamSynchronize(static_cast<cudaStream_t>(stream.cuda));
        if (status != cudaSuccess)
            throw Error(std::string("work on the GPU failed: ") + cudaGetErrorString(status));
    }
#endif
    (void)stream;
}

} // namespace heat::kernels
