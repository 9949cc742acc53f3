#include "processes/initial_state.h"

#include "processes/basis_step.h"
#include "processes/combination.h"
#include "processes/sample_noise.h"

namespace heat::processes {

Tensor initial_state(const DiagonalProcess& process, const SampleRequest& request) {
    const DiagonalModel& model = process.model();
    const ImageSize size = process.size();
    const Shape shape{request.count, int64_t(size.height), int64_t(size.width), int64_t(size.channels)};
    if (request.start.defined()) { // white noise in pixels: the state itself, which the solver writes over
        Tensor state(shape, Dtype::f32, process.device());
        state.copy_from(request.start);
        return state;
    }
    Tensor state = SampleNoise(request, 0, process.steps(), process.device()).start(shape);
    if (!is_orthonormal(model.basis)) state = to_basis(model.basis, state);
    const std::vector<float> deviations(model.prior_deviations.begin(), model.prior_deviations.end());
    combine({{state, upload_table(deviations, model.tables.width(), process.device())}}, nullptr, state);
    return state;
}

Tensor noised_images(const DiagonalProcess& process, const SampleRequest& request, const SamplingPath& path) {
    const DiagonalModel& model = process.model();
    const Tensor& images = request.initial.images;
    const Tensor noise = SampleNoise(request, 0, process.steps(), process.device()).start(images.shape());
    std::vector<float> clean, noisy;
    for (int p = 0; p < path.tables.width(); ++p) {
        clean.push_back(float(path.tables.a(path.last, p)));
        noisy.push_back(float(path.tables.s(path.last, p)));
    }
    const auto upload = [&](const std::vector<float>& row) {
        return upload_table(row, path.tables.width(), process.device());
    };
    Tensor state(images.shape(), Dtype::f32, process.device());
    // Where noise is white in the basis, it is drawn there.
    basis_step(model.basis,
               {{model.view ? model.view->state_of(images) : images, upload(clean), true},
                {noise, upload(noisy), !is_orthonormal(model.basis)}},
               nullptr, &state, {});
    return state;
}

} // namespace heat::processes
