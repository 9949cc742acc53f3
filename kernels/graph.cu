#include "kernels/error.h"
#include "kernels/graph.h"
#include "kernels/portable.h"

#include <string>

namespace heat::kernels {

#if defined(__CUDACC__)

namespace {

void check(cudaError_t status, const char* what) {
    if (status != cudaSuccess) throw Error(std::string(what) + ": " + cudaGetErrorString(status));
}

cudaStream_t handle(const Stream& stream) {
    return static_cast<cudaStream_t>(stream.cuda);
}

} // namespace

void begin_capture(const Stream& stream) {
    // Thread-local: the threads that load and upload batches go on as they are.
    check(cudaStreamBeginCapture(handle(stream), cudaStreamCaptureModeThreadLocal), "capturing a graph");
}

void* end_capture(const Stream& stream) {
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(handle(stream), &graph);
    if (ended != cudaSuccess) {
        (void)cudaGetLastError(); // else the next launch would report it
        if (graph) (void)cudaGraphDestroy(graph);
        check(ended, "capturing a graph");
    }
    cudaGraphExec_t executable = nullptr;
    const cudaError_t made = cudaGraphInstantiate(&executable, graph, 0);
    (void)cudaGraphDestroy(graph); // the executable one is a copy
    if (made != cudaSuccess) (void)cudaGetLastError();
    check(made, "making a graph of what was captured");
    return executable;
}

void abandon_capture(const Stream& stream) noexcept {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(handle(stream), &status) == cudaSuccess &&
        status != cudaStreamCaptureStatusNone) {
        cudaGraph_t graph = nullptr;
        (void)cudaStreamEndCapture(handle(stream), &graph);
        if (graph) (void)cudaGraphDestroy(graph);
    }
    (void)cudaGetLastError();
}

void launch_graph(const Stream& stream, void* graph) {
    check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), handle(stream)), "launching a graph");
}

void destroy_graph(const Stream& stream, void* graph) noexcept {
    (void)cudaStreamSynchronize(handle(stream));
    (void)cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph));
}

#else

namespace {
Error no_cuda() {
    return Error("this build has no CUDA: configure the cuda preset, or use --device cpu");
}
} // namespace

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
