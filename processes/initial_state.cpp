#include "processes/initial_state.h"

#include "processes/combination.h"

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
    const RandomState random(request.seed, process.device());
    Tensor state = normal(random, shape, Purpose::prior, request.image_offset);
    if (!is_orthonormal(model.basis)) state = to_basis(model.basis, state);
    const std::vector<float> deviations(model.prior_deviations.begin(), model.prior_deviations.end());
    combine({{state, upload_table(deviations, model.tables.width(), process.device())}}, nullptr, state);
    return state;
}

} // namespace heat::processes
