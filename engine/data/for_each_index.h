#pragma once

#include <cstdint>
#include <functional>

namespace heat {

/// Calls work(0) … work(count − 1) on `threads` threads of its own, at least one and no more than calls, and
/// returns when all are done. `report(calls done)` is called by the calling thread about ten times a second.
/// When calls throw, no further ones begin and the exception of the lowest index is thrown on; so is one of
/// `report`.
void for_each_index(uint32_t count, int threads, const std::function<void(uint32_t)>& work,
                    const std::function<void(uint32_t)>& report = {});

} // namespace heat
