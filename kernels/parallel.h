#pragma once

// The two launchers. A kernel is a functor struct (never an extended lambda: those run ten times slower
// through nvcc's host pass): `parallel_for` maps an index range, `parallel_teams` gives each team of a count
// the same functor (kernels/team.h).

#include "kernels/error.h"
#include "kernels/portable.h"
#include "kernels/stream.h"
#include "kernels/team.h"

#include <string>
#include <vector>

#if defined(HEAT_THREADED_TEAMS)
#include <thread>
#endif

namespace heat::kernels {

#if defined(__CUDACC__)
template <int V, class F>
__global__ void for_kernel(int64_t n, F f) {
    int64_t i = (blockIdx.x * int64_t(blockDim.x) + threadIdx.x) * V;
    if (i + V <= n)
        f.template at<V>(i);
    else
        for (; i < n; ++i) f.template at<1>(i);
}

template <class F>
__global__ void teams_kernel(F f) {
    extern __shared__ __align__(64) char scratch[];
    CudaTeam team(scratch);
    f(team);
}

inline void check_launch(const char* what) {
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess)
        throw Error(std::string("CUDA kernel launch (") + what + ") failed: " + cudaGetErrorString(status));
}
#endif

/// f.at<W>(i) handles elements i..i+W; W is V on the device where V elements remain, and 1 on the host
/// (inside a SIMD loop).
template <int V, class F>
void parallel_for(const Stream& stream, int64_t n, const F& f) {
    if (n <= 0) return;
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        constexpr int block = 256;
        const int64_t blocks = (n + int64_t(block) * V - 1) / (int64_t(block) * V);
        for_kernel<V><<<unsigned(blocks), block, 0, static_cast<cudaStream_t>(stream.cuda)>>>(n, f);
        check_launch("parallel_for");
        return;
    }
#endif
    (void)stream;
#pragma omp parallel if (n > 8192)
    {
        const F local = f;
#pragma omp for simd schedule(static)
        for (int64_t i = 0; i < n; ++i) local.template at<1>(i);
    }
}

/// Runs `f(team)` for `teams` teams; each may take up to `shared_bytes` of scratch by Team::shared (each
/// request is rounded up to 64 bytes).
template <class F>
void parallel_teams(const Stream& stream, int teams, const F& f, size_t shared_bytes = 0) {
    if (teams <= 0) return;
#if defined(__CUDACC__)
    if (stream.on_cuda) {
        const size_t bytes = shared_bytes + CudaTeam::reserved_bytes;
        if (bytes > 48 * 1024)
            (void)cudaFuncSetAttribute(teams_kernel<F>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       int(bytes)); // check_launch tells
        teams_kernel<<<unsigned(teams), CudaTeam::threads, bytes, static_cast<cudaStream_t>(stream.cuda)>>>(
            f);
        check_launch("parallel_teams");
        return;
    }
#endif
    (void)stream;
    const auto aligned = [](std::vector<char>& v) {
        return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(v.data()) + 63) & ~uintptr_t(63));
    };
#if defined(HEAT_THREADED_TEAMS)
    constexpr int threads = 3;
    std::vector<char> buffer(shared_bytes + 64);
    float partial[(1 + most_column_sums) * threads];
    std::barrier<> barrier(threads);
    const auto body = [&](int thread) {
        for (int t = 0; t < teams; ++t) {
            ThreadTeam team(t, aligned(buffer), barrier, partial, thread, threads);
            f(team);
            barrier.arrive_and_wait();
        }
    };
    std::vector<std::thread> pool;
    for (int i = 1; i < threads; ++i) pool.emplace_back(body, i);
    body(0);
    for (auto& thread : pool) thread.join();
#else
#pragma omp parallel if (teams > 1)
    {
        const F local = f;
        static thread_local std::vector<char> buffer;
        if (buffer.size() < shared_bytes + 64) buffer.resize(shared_bytes + 64);
        char* scratch = aligned(buffer);
#pragma omp for schedule(static)
        for (int t = 0; t < teams; ++t) {
            SerialTeam team(t, scratch);
            local(team);
        }
    }
#endif
}

/// Blocks until all work on the stream is done; throws Error with CUDA's message if any of it failed.
void synchronize(const Stream& stream);

} // namespace heat::kernels
