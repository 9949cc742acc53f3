#pragma once

#include "kernels/stream.h"

namespace heat::kernels {

/// Begins to record what this thread gives to the stream, instead of executing it. Until end_capture no call
/// may wait for the device. Throws Error as CUDA says, here and below, and in a build without CUDA.
void begin_capture(const Stream&);
/// Ends the recording and makes it a graph that can be launched (a cudaGraphExec_t). Throws Error where
/// something in between could not be recorded; the stream is usable again either way.
void* end_capture(const Stream&);
/// Ends a recording that failed, and forgets what CUDA says of it. Nothing where none is open.
void abandon_capture(const Stream&) noexcept;
/// Executes the graph in the stream's order; does not wait.
void launch_graph(const Stream&, void* graph);
/// Waits for the stream, in which the graph may still run, and destroys it.
void destroy_graph(const Stream&, void* graph) noexcept;

} // namespace heat::kernels
