#include "tools/solver_flags.h"

#include "kernels/error.h"
#include "tools/image_planes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::tools {

void SolverFlags::add_to(CLI::App& command) {
    command
        .add_option("--order", options.order,
                    "Of dpm-solver, dpm-solver++, unipc (1 to 3), sde-dpm-solver++ (1, 2)")
        ->check(CLI::Range(1, 3));
    command.add_flag("--singlestep", singlestep,
                     "Of dpm-solver and dpm-solver++: no predictions of earlier steps");
    command.add_option("--solver-type", options.type, "Second order of dpm-solver's; of unipc")
        ->type_name("{midpoint,heun,bh1,bh2}");
    command.add_flag("--full-order-final", full_order_final, "Do not lower the order of the last steps");
    command.add_option("--final-sigma", options.final_sigma, "Where the last step ends")
        ->type_name("{zero,sigma_min}");
    command.add_flag(
        "--clipped-noise", clipped_noise,
        "Of ddim: noise that agrees with the limited estimate of the image; guidance turns it on");
    command.add_option("--threshold", options.threshold,
                       "Limit the estimate of the image to this quantile of its values, and scale it back");
    command.add_option("--threshold-limit", options.threshold_limit,
                       "Largest such quantile; none by default");
    command
        .add_option("--step-noise", step_noise,
                    "NumPy array (.npy), steps × N×C×H×W: the noise of each step, of solvers that draw it")
        ->type_name("FILE");
}

void SolverFlags::apply(processes::SamplerOptions& request) const {
    if (options.order) request.order = options.order;
    if (singlestep) request.singlestep = true;
    if (!options.type.empty()) request.type = options.type;
    if (full_order_final) request.lower_order_final = false;
    if (!options.final_sigma.empty()) request.final_sigma = options.final_sigma;
    if (clipped_noise) request.clipped_noise = true;
    if (options.threshold) request.threshold = options.threshold;
    if (options.threshold_limit) request.threshold_limit = options.threshold_limit;
}

std::vector<Tensor> read_step_noise(const std::string& file, const processes::Process& process,
                                    int64_t images) {
    const NpyArray array = read_npy(file);
    const processes::ImageSize size = process.size();
    const std::vector<int64_t>& s = array.shape;
    if (s.size() != 5 || s[0] < 1 || s[1] != images || s[2] != size.channels || s[3] != size.height ||
        s[4] != size.width)
        throw Error(
            fmt::format("{}: expected an array steps×{}×{}×{}×{}, noise of each step for each image, got {}",
                        file, images, size.channels, size.height, size.width, Shape(s).text()));
    const std::vector<float> values = npy_to_f32(array);
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }))
        throw Error(fmt::format("{}: it holds numbers that are not finite", file));
    std::vector<Tensor> steps;
    const int64_t each = images * size.elements();
    std::vector<float> step(static_cast<size_t>(each));
    for (int64_t i = 0; i < s[0]; ++i) {
        transpose_images(values.data() + i * each, step.data(), images, int64_t(size.channels),
                         size.points());
        steps.push_back(Tensor::from_host(Shape{images, s[3], s[4], s[2]}, step, process.device()));
    }
    return steps;
}

} // namespace heat::tools
