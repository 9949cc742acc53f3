#pragma once

// Teams: the small vocabulary in which kernels with reductions or shared scratch are written.
//
//   index()                      which team this is
//   shared<T>(n)                 n elements of scratch, common to the team, 64-byte aligned
//   sync()                       needed between two dependent for_each/rows/columns
//   for_each(n, f)               f(i) for i in 0..n
//   rows(rows, columns, f)       f(r, c) over a row-major block
//   sum(n, f), max(n, f)         reductions that own their loop (an accumulator in user code blocks SIMD) and
//   sync; every member
//                                gets the result
//   columns<K>(rows, columns, out, f)  K sums a column: f(r, c, add) calls add(k, x) for each k, and
//   out[k * columns + c] is the sum over r; out is any memory of the team. (Returning a struct of K values
//   instead would keep the loops scalar.)
//
// SerialTeam is one thread with SIMD loops (the CPU), CudaTeam is a thread block, ThreadTeam runs several
// threads with a real barrier so that ThreadSanitizer finds a missing sync without a card. All sums have an
// order fixed by shape.

#include "kernels/portable.h"

#include <cmath>

#if defined(HEAT_THREADED_TEAMS)
#include <algorithm>
#include <barrier>
#endif

namespace heat::kernels {

/// The largest K of columns().
constexpr int most_column_sums = 4;

/// columns() by several threads, of which this is `thread`: where there are fewer columns than threads, some
/// share the rows of one, and their sums, in `scratch` of K·threads floats, are added in a fixed order. Syncs
/// if they share.
template <int K, class Team, class F>
HEAT_HD void columns_by_threads(Team& team, int thread, int threads, int rows, int columns, float* scratch,
                                float* out, F f) {
    static_assert(K <= most_column_sums);
    const int wanted = columns > 0 ? threads / columns : 1, shares = wanted < rows ? wanted : rows;
    if (shares < 2) {
        for (int c = thread; c < columns; c += threads) {
            float total[K] = {};
            for (int r = 0; r < rows; ++r) f(r, c, [&](int k, float x) { total[k] += x; });
            for (int k = 0; k < K; ++k) out[k * columns + c] = total[k];
        }
        return;
    }
    team.sync(); // what scratch held before has been read
    const int share = thread / columns, column = thread % columns;
    if (share < shares) {
        float total[K] = {};
        for (int r = share; r < rows; r += shares) f(r, column, [&](int k, float x) { total[k] += x; });
        for (int k = 0; k < K; ++k) scratch[k * threads + thread] = total[k];
    }
    team.sync();
    if (share == 0) {
        for (int k = 0; k < K; ++k) {
            float total = 0.f;
            for (int i = 0; i < shares; ++i) total += scratch[k * threads + i * columns + column];
            out[k * columns + column] = total;
        }
    }
}

class SerialTeam {
public:
    SerialTeam(int index, char* scratch) : scratch_(scratch), index_(index) {}

    HEAT_HD int index() const { return index_; }
    template <class T>
    HEAT_HD T* shared(int n) {
        T* p = reinterpret_cast<T*>(scratch_ + used_);
        used_ += (sizeof(T) * size_t(n) + 63) / 64 * 64;
        return p;
    }
    HEAT_HD void sync() {}
    template <class F>
    HEAT_HD void for_each(int n, F f) {
#pragma omp simd
        for (int i = 0; i < n; ++i) f(i);
    }
    template <class F>
    HEAT_HD void rows(int rows, int columns, F f) {
        for (int r = 0; r < rows; ++r) {
#pragma omp simd
            for (int c = 0; c < columns; ++c) f(r, c);
        }
    }
    template <class F>
    HEAT_HD float sum(int n, F f) {
        float total = 0.f;
#pragma omp simd reduction(+ : total)
        for (int i = 0; i < n; ++i) total += f(i);
        return total;
    }
    template <class F>
    HEAT_HD float max(int n, F f) {
        float best = -INFINITY;
#pragma omp simd reduction(max : best)
        for (int i = 0; i < n; ++i) {
            const float v = f(i);
            best = v > best ? v : best;
        }
        return best;
    }
    template <int K, class F>
    HEAT_HD void columns(int rows, int columns, float* out, F f) {
        int c0 = 0;
        for (; c0 + 64 <= columns; c0 += 64) column_block<K, 64>(rows, columns, c0, out, f);
        for (; c0 + 32 <= columns; c0 += 32) column_block<K, 32>(rows, columns, c0, out, f);
        for (; c0 + 16 <= columns; c0 += 16) column_block<K, 16>(rows, columns, c0, out, f);
        for (; c0 < columns; ++c0) column_block<K, 1>(rows, columns, c0, out, f);
    }

private:
    template <int K, int B, class F>
    HEAT_HD static void column_block(int rows, int columns, int c0, float* out, F f) {
        float total[K][B] = {};
        for (int r = 0; r < rows; ++r) {
#pragma omp simd
            for (int l = 0; l < B; ++l) {
                f(r, c0 + l, [&](int k, float x) { total[k][l] += x; });
            }
        }
        for (int k = 0; k < K; ++k)
            for (int l = 0; l < B; ++l) out[k * columns + c0 + l] = total[k][l];
    }

    char* scratch_;
    size_t used_ = 0;
    int index_;
};

#if defined(HEAT_THREADED_TEAMS)
/// Test-only: several std::threads with a barrier. The index-to-thread map changes from loop to loop, so that
/// a dependence between two loops without a sync is a race that ThreadSanitizer reports.
class ThreadTeam {
public:
    /// `partial` holds (1 + most_column_sums) · threads floats.
    ThreadTeam(int index, char* scratch, std::barrier<>& barrier, float* partial, int thread, int threads)
        : barrier_(barrier), scratch_(scratch), partial_(partial), index_(index), thread_(thread),
          threads_(threads) {}

    int index() const { return index_; }
    template <class T>
    T* shared(int n) {
        T* p = reinterpret_cast<T*>(scratch_ + used_);
        used_ += (sizeof(T) * size_t(n) + 63) / 64 * 64;
        return p;
    }
    void sync() { barrier_.arrive_and_wait(); }
    template <class F>
    void for_each(int n, F f) {
        for (int i = first(); i < n; i += threads_) f(i);
    }
    template <class F>
    void rows(int rows, int columns, F f) {
        for (int i = first(); i < rows * columns; i += threads_) f(i / columns, i % columns);
    }
    template <class F>
    float sum(int n, F f) {
        float total = 0.f;
        for (int i = first(); i < n; i += threads_) total += f(i);
        return combine(total, [](float a, float b) { return a + b; });
    }
    template <class F>
    float max(int n, F f) {
        float best = -INFINITY;
        for (int i = first(); i < n; i += threads_) best = std::max(best, f(i));
        return combine(best, [](float a, float b) { return std::max(a, b); });
    }
    template <int K, class F>
    void columns(int rows, int columns, float* out, F f) {
        columns_by_threads<K>(*this, first(), threads_, rows, columns, partial_ + threads_, out, f);
    }

private:
    int first() { return (thread_ + salt_++) % threads_; }
    template <class Op>
    float combine(float mine, Op op) {
        sync();
        partial_[thread_] = mine;
        sync();
        float result = partial_[0];
        for (int i = 1; i < threads_; ++i) result = op(result, partial_[i]);
        return result;
    }

    std::barrier<>& barrier_;
    char* scratch_;
    float* partial_;
    size_t used_ = 0;
    int index_, thread_, threads_, salt_ = 0;
};
#endif

#if defined(__CUDACC__)
class CudaTeam {
public:
    static constexpr int threads = 256;
    /// Of the block's dynamic shared memory, for the reductions: a float for each warp, and columns' sums.
    static constexpr int reserved_bytes = 128 + most_column_sums * threads * int(sizeof(float));

    __device__ explicit CudaTeam(char* shared_memory)
        : partial_(reinterpret_cast<float*>(shared_memory)), scratch_(shared_memory + reserved_bytes) {}

    __device__ __forceinline__ int index() const { return int(blockIdx.x); }
    template <class T>
    __device__ __forceinline__ T* shared(int n) {
        T* p = reinterpret_cast<T*>(scratch_ + used_);
        used_ += (sizeof(T) * size_t(n) + 63) / 64 * 64;
        return p;
    }
    __device__ __forceinline__ void sync() { __syncthreads(); }
    template <class F>
    __device__ __forceinline__ void for_each(int n, F f) {
        for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) f(i);
    }
    template <class F>
    __device__ __forceinline__ void rows(int rows, int columns, F f) {
        if (columns <= 0) return; // a division by 0 gives garbage here, no trap
        // One division for each thread, not for each element: a step of the block is `down` rows and `across`
        // columns.
        const int step = int(blockDim.x), down = step / columns, across = step - down * columns;
        int r = int(threadIdx.x) / columns, c = int(threadIdx.x) - r * columns;
        while (r < rows) {
            f(r, c);
            r += down;
            c += across;
            if (c >= columns) {
                c -= columns;
                ++r;
            }
        }
    }
    template <class F>
    __device__ __forceinline__ float sum(int n, F f) {
        float total = 0.f;
        for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) total += f(i);
        return combine(total, 0.f, [](float a, float b) { return a + b; });
    }
    template <class F>
    __device__ __forceinline__ float max(int n, F f) {
        float best = -INFINITY;
        for (int i = int(threadIdx.x); i < n; i += int(blockDim.x)) best = fmaxf(best, f(i));
        return combine(best, -INFINITY, [](float a, float b) { return fmaxf(a, b); });
    }
    template <int K, class F>
    __device__ __forceinline__ void columns(int rows, int columns, float* out, F f) {
        columns_by_threads<K>(*this, int(threadIdx.x), int(blockDim.x), rows, columns, partial_ + 32, out, f);
    }

private:
    template <class Op>
    __device__ __forceinline__ float combine(float x, float identity, Op op) {
        for (int offset = 16; offset; offset >>= 1) x = op(x, __shfl_xor_sync(~0u, x, offset));
        __syncthreads();
        if (!(threadIdx.x & 31)) partial_[threadIdx.x >> 5] = x;
        __syncthreads();
        x = (threadIdx.x & 31) < (blockDim.x >> 5) ? partial_[threadIdx.x & 31] : identity;
        for (int offset = 16; offset; offset >>= 1) x = op(x, __shfl_xor_sync(~0u, x, offset));
        return x;
    }

    float* partial_;
    char* scratch_;
    size_t used_ = 0;
};
#endif

} // namespace heat::kernels
