#include "kernels/cuda_error.h"
#include "kernels/graph.h"

namespace heat::kernels {

#if defined(__CUDACC__)

void begin_capture(const Stream& stream) {
    // Thread-local: the threads that load and upload batches go on as they are.
    check_cuda(cudaStreamBeginCapture(cuda_stream(stream), cudaStreamCaptureModeThreadLocal),
               "capturing a graph");
}

void* end_capture(const Stream& stream) {
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(cuda_stream(stream), &graph);
    if (ended != cudaSuccess) {
        (void)cudaGetLastError(); // else the next launch would report it
        if (graph) (void)cudaGraphDestroy(graph);
        check_cuda(ended, "capturing a graph");
    }
    cudaGraphExec_t executable = nullptr;
    const cudaError_t made = cudaGraphInstantiate(&executable, graph, 0);
    (void)cudaGraphDestroy(graph); // the executable one is a copy
    if (made != cudaSuccess) (void)cudaGetLastError();
    check_cuda(made, "making a graph of what was captured");
    return executable;
}

void abandon_capture(const Stream& stream) noexcept {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(cuda_stream(stream), &status) == cudaSuccess &&
        status != cudaStreamCaptureStatusNone) {
        cudaGraph_t graph = nullptr;
        (void)cudaStreamEndCapture(cuda_stream(stream), &graph);
        if (graph) (void)cudaGraphDestroy(graph);
    }
    (void)cudaGetLastError();
}

void launch_graph(const Stream& stream, void* graph) {
    check_cuda(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), cuda_stream(stream)),
               "launching a graph");
}

void destroy_graph(const Stream& stream, void* graph) noexcept {
    (void)cudaStreamSynchronize(cuda_stream(stream));
    (void)cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph));
}

#else

void begin_capture(const Stream&) {
    throw no_cuda();
}
void* end_capture(const Stream&) {
    throw no_cuda();
}
void abandon_capture(const Stream&) noexcept {}
void launch_graph(const Stream&, void*) {
    throw no_cuda();
}
void destroy_graph(const Stream&, void*) noexcept {}

#endif

} // namespace heat::kernels
