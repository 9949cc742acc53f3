#pragma once

#include "processes/process.h"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace heat::processes {

/// Which levels a training's loss varies most at, learned as it goes (Nichol & Dhariwal 2021, §3.3): the last
/// ten losses of each level. Levels are drawn uniformly until each has ten, then with p_n ∝ √E[L_n²], mixed
/// with 0.1 % of the uniform distribution so that none is forgotten.
class LevelImportance {
public:
    static constexpr int history = 10;
    static constexpr double uniform_share = 0.001;

    explicit LevelImportance(int levels);

    /// Losses of images at these levels (1..N), in the order they came in. Losses are those of the images
    /// alone, not weighted by the importance.
    void add(std::span<const int32_t> levels, std::span<const float> losses);
    /// Whether each level has its ten losses.
    bool ready() const { return short_of_history_ == 0; }
    /// p_1..p_N.
    std::vector<double> probabilities() const;
    /// The process draws its levels by them from now on.
    void apply_to(Process& process) const;

    /// All of it as tensors on the CPU, for a checkpoint: losses f32 N×10, oldest first, and counts i32 N.
    std::map<std::string, Tensor> state() const;
    /// Throws Error where it is not that of so many levels.
    void set_state(const std::map<std::string, Tensor>& tensors);

private:
    std::vector<float> losses_;   ///< N×10, oldest first
    std::vector<int32_t> counts_; ///< of each level
    int64_t short_of_history_;    ///< levels without ten
};

} // namespace heat::processes
