#include "processes/operators/random_operator.h"

#include "engine/random.h"
#include "kernels/error.h"

#include <fmt/format.h>

#if defined(HEAT_WITH_EIGEN)
#include <Eigen/Dense>
#endif

namespace heat::processes {

#if defined(HEAT_WITH_EIGEN)

struct RandomOperator::Vectors {
    Eigen::MatrixXd columns;
};

RandomOperator::RandomOperator(int height, int width) : height_(height), width_(width) {
    const int64_t points = int64_t(height) * width;
    if (points > most_points)
        throw Error(fmt::format("the random operator on {}×{} pixels: it takes images of up to {} pixels",
                                height, width, most_points));
    const std::vector<float> weights =
        uniform(RandomState(1, Device::cpu), Shape{1, points * points}, Purpose::augmentation).to_host();
    Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(points, points);
    for (int64_t i = 0; i < points; ++i)
        for (int64_t j = 0; j < i; ++j) {
            const double weight = double(weights[size_t(i * points + j)]);
            matrix(i, j) = matrix(j, i) = weight;
            matrix(i, i) -= weight;
            matrix(j, j) -= weight;
        }
    if (const double trace = matrix.trace(); trace < 0) matrix *= -4.0 * double(points) / trace;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
    if (solver.info() != Eigen::Success)
        throw Error(fmt::format("the random operator on {}×{} pixels: its eigenvalues were not found", height,
                                width));
    // Rounding may leave the constant image's 0 a hair above.
    for (int64_t i = 0; i < points; ++i) eigenvalues_.push_back(std::min(0.0, solver.eigenvalues()(i)));
    vectors_ = std::make_unique<Vectors>(Vectors{solver.eigenvectors()});
}

Tensor RandomOperator::apply(const Tensor& images, std::span<const double> gains) const {
    const int64_t points = int64_t(height_) * width_;
    const Shape& shape = images.shape();
    if (shape.rank() != 4 || shape[1] != height_ || shape[2] != width_ || images.dtype() != Dtype::f32 ||
        images.device() != Device::cpu)
        throw Error(fmt::format(
            "random operator: expected f32 images of shape N×{}×{}×C on the CPU, got {} of shape {}", height_,
            width_, heat::name_of(images.dtype()), shape.text()));
    const int64_t count = shape[0], channels = shape[3];
    const bool each = int64_t(gains.size()) == points * count;
    if (!each && int64_t(gains.size()) != points)
        throw Error(fmt::format(
            "random operator: expected gains of {} eigenvalues for all images or each of {}, got {}", points,
            count, gains.size()));
    Eigen::MatrixXd values(points, count * channels);
    const auto* from = images.data<float>();
    for (int64_t i = 0; i < count; ++i)
        for (int64_t p = 0; p < points; ++p)
            for (int64_t c = 0; c < channels; ++c) values(p, i * channels + c) = double(*from++);
    Eigen::MatrixXd modes = vectors_->columns.transpose() * values;
    for (int64_t i = 0; i < count; ++i) {
        const Eigen::Map<const Eigen::ArrayXd> row(gains.data() + (each ? i * points : 0), points);
        for (int64_t c = 0; c < channels; ++c) modes.col(i * channels + c).array() *= row;
    }
    values.noalias() = vectors_->columns * modes;
    Tensor y(shape, Dtype::f32, Device::cpu);
    auto* to = y.data<float>();
    for (int64_t i = 0; i < count; ++i)
        for (int64_t p = 0; p < points; ++p)
            for (int64_t c = 0; c < channels; ++c) *to++ = float(values(p, i * channels + c));
    return y;
}

#else

struct RandomOperator::Vectors {};

RandomOperator::RandomOperator(int height, int width) : height_(height), width_(width) {
    throw Error("hdm's random operator needs Eigen, which this build lacks: install libeigen3-dev and build "
                "again, or "
                "choose process.operator = heat");
}
Tensor RandomOperator::apply(const Tensor& images, std::span<const double>) const {
    return images;
}

#endif

RandomOperator::~RandomOperator() = default;

} // namespace heat::processes
