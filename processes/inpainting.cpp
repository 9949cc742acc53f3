#include "processes/inpainting.h"

#include "processes/combination.h"
#include "processes/step.h"

#include <cmath>

namespace heat::processes {

std::vector<int> resampled_nodes(int last, int resamples, int jump) {
    std::vector<int> left(size_t(last) + 1, 0), nodes;
    for (int node = 1; node + jump <= last; node += jump) left[size_t(node)] = resamples - 1;
    for (int node = last; node > 0;) {
        nodes.push_back(node--);
        if (left[size_t(node)]-- > 0) node += jump;
    }
    return nodes;
}

Inpainter::Inpainter(const Inpainting& inpainting, const SamplingPath& path, const std::vector<int>& nodes,
                     Device device)
    : images_(inpainting.images) {
    std::vector<float> fill = inpainting.mask.to_host(), keep;
    for (const float f : fill) keep.push_back(1.f - f);
    fill_ = upload_table(fill, int(fill.size()), device);
    keep_ = upload_table(keep, int(keep.size()), device);
    std::vector<float> images, noises, jump_states, jump_noises;
    for (size_t i = 0; i < nodes.size(); ++i) {
        const int node = nodes[i] - 1, next = i + 1 < nodes.size() ? nodes[i + 1] : 0;
        images.push_back(float(path.tables.a(node, 0)));
        noises.push_back(float(path.tables.s(node, 0)));
        jumps_.push_back(next > node);
        const Transition up = next > node ? transition(path.tables, node, next, 0) : Transition{};
        jump_states.push_back(float(up.a));
        jump_noises.push_back(float(std::sqrt(up.variance)));
    }
    known_image_ = upload_table(images, 1, device);
    known_noise_ = upload_table(noises, 1, device);
    jump_state_ = upload_table(jump_states, 1, device);
    jump_noise_ = upload_table(jump_noises, 1, device);
    noise_ = Tensor(images_.shape(), Dtype::f32, device);
    known_ = Tensor(images_.shape(), Dtype::f32, device);
}

void Inpainter::apply(int step, const StepClock& clock, bool own, SampleNoise& noises, Tensor& state) {
    noises.draw(clock, own, noise_, 1);
    combine({{images_, known_image_}, {noise_, known_noise_}}, clock.rows(), known_);
    combine({{state, fill_}, {known_, keep_}}, nullptr, state);
    if (!jumps(step)) return;
    noises.draw(clock, own, noise_, 2);
    combine({{state, jump_state_}, {noise_, jump_noise_}}, clock.rows(), state);
}

} // namespace heat::processes
