#include "processes/runge_kutta.h"

#include "engine/profiler.h"
#include "kernels/error.h"
#include "kernels/runge_kutta.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace heat::processes {
namespace {

constexpr int stages = 7;
using Weights = std::array<double, stages>;

// Dormand, Prince 1980. The last row is the solution of order 5, whose rate is the next step's first.
constexpr double nodes[stages] = {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1};
constexpr Weights matrix[stages] = {{},
                                    {1.0 / 5},
                                    {3.0 / 40, 9.0 / 40},
                                    {44.0 / 45, -56.0 / 15, 32.0 / 9},
                                    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
                                    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
                                    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
/// The solution of order 5 less that of order 4.
constexpr Weights error_weights = {71.0 / 57600,      0,          -71.0 / 16695, 71.0 / 1920,
                                   -17253.0 / 339200, 22.0 / 525, -1.0 / 40};

constexpr int most_steps = 100000;

/// The images that are not there yet, in rows.
class Integration {
public:
    Integration(const OdeFunction& function, const Tensor& start, const OdeSettings& settings)
        : function_(function), settings_(settings), elements_(int(start.count() / start.shape()[0])) {
        const auto count = size_t(start.shape()[0]);
        solution_.x = Tensor(start.shape(), Dtype::f32, start.device());
        solution_.scalars.assign(count * size_t(settings.scalars), 0.0);
        solution_.evaluations.assign(count, 0);
        for (size_t i = 0; i < count; ++i) images_.push_back(int(i));
        times_.assign(count, settings.from);
        retried_.assign(count, false);
        x_ = Tensor(start.shape(), Dtype::f32, start.device());
        x_.copy_from(start);
        rates_[0] = evaluate(times_, x_);
        choose_first_steps();
    }

    bool done() const { return images_.empty(); }
    OdeSolution& solution() { return solution_; }

    double slowest_time() const {
        double time = settings_.to;
        for (const double t : times_)
            if ((time - t) * direction() > 0) time = t;
        return time;
    }
    Tensor states() const {
        Tensor all(solution_.x.shape(), Dtype::f32, solution_.x.device());
        all.copy_from(solution_.x);
        for (size_t i = 0; i < images_.size(); ++i) copy_row(all, images_[i], x_, int(i));
        return all;
    }

    /// One step of every image, which may fail.
    void advance() {
        const std::vector<double> steps = clamped_steps();
        const Tensor device_steps = upload(steps);
        Tensor next;
        for (int stage = 1; stage < stages; ++stage) {
            next = Tensor(x_.shape(), Dtype::f32, x_.device());
            apply(matrix[stage], device_steps, next);
            std::vector<double> times = times_;
            for (size_t i = 0; i < times.size(); ++i) times[i] += nodes[stage] * steps[i];
            rates_[size_t(stage)] = evaluate(times, next);
        }
        const std::vector<double> errors = errors_of(steps, device_steps, next);
        finish(steps, errors, next);
    }

private:
    double direction() const { return settings_.to < settings_.from ? -1.0 : 1.0; }
    double& scalar(int image, int k) {
        return solution_.scalars[size_t(image) * size_t(settings_.scalars) + size_t(k)];
    }
    double scalar_sum(const Weights& weights, size_t row, int k) const {
        double sum = 0;
        for (size_t j = 0; j < stages; ++j)
            if (weights[j] != 0)
                sum += weights[j] * rates_[j].scalars[row * size_t(settings_.scalars) + size_t(k)];
        return sum;
    }

    OdeRate evaluate(const std::vector<double>& times, const Tensor& x) {
        OdeRate rate = function_({images_, times, x});
        expect_same("rate of change", x, rate.x);
        for (const int image : images_) ++solution_.evaluations[size_t(image)];
        return rate;
    }

    Tensor upload(const std::vector<double>& values) const {
        return Tensor::from_host(Shape{int64_t(values.size())},
                                 std::vector<float>(values.begin(), values.end()), x_.device());
    }
    static void copy_row(Tensor& to, int to_row, const Tensor& from, int from_row) {
        Tensor row = to.images(to_row, 1);
        row.copy_from(from.images(from_row, 1));
    }

    kernels::RateSum sum_of(const Weights& weights) const {
        kernels::RateSum sum;
        for (size_t j = 0; j < stages; ++j) {
            if (weights[j] == 0) continue;
            sum.rates[j] = rates_[j].x.data<float>();
            sum.coefficients[j] = float(weights[j]);
        }
        return sum;
    }
    void apply(const Weights& weights, const Tensor& steps, Tensor& y) const {
        const ProfileScope scope("runge-kutta stage", y.device(), [&] {
            return OpWork{double(stages) * double(y.bytes()), 2.0 * stages * double(y.count()),
                          y.shape().text()};
        });
        kernels::runge_kutta_stage(y.stream(), x_.data<float>(), steps.data<float>(), sum_of(weights),
                                   y.data<float>(), int(images_.size()), elements_);
    }
    std::vector<float> scaled_squares(const Tensor& x, const Tensor& y, const Tensor& steps,
                                      const kernels::RateSum& sum) const {
        Tensor squares(Shape{int64_t(images_.size())}, Dtype::f32, x.device());
        const ProfileScope scope("runge-kutta error", x.device(), [&] {
            return OpWork{double(stages) * double(x.bytes()), 2.0 * stages * double(x.count()),
                          x.shape().text()};
        });
        kernels::scaled_square_sums(x.stream(), x.data<float>(), y.data<float>(), steps.data<float>(), sum,
                                    float(settings_.atol), float(settings_.rtol), squares.data<float>(),
                                    int(images_.size()), elements_);
        return squares.to_host();
    }
    double root_mean(double squares) const { return std::sqrt(squares / (elements_ + settings_.scalars)); }

    /// Hairer, Nørsett, Wanner I, section II.4, as scipy has it, over x alone.
    void choose_first_steps() {
        const size_t count = images_.size();
        const auto norms = [&](const Tensor& steps, const kernels::RateSum& sum) {
            std::vector<double> values;
            for (const float squares : scaled_squares(x_, x_, steps, sum))
                values.push_back(std::sqrt(double(squares) / elements_));
            return values;
        };
        const Tensor ones = Tensor::full(Shape{int64_t(count)}, 1.f, x_.device());
        kernels::RateSum state, rate;
        state.rates[0] = x_.data<float>();
        rate.rates[0] = rates_[0].x.data<float>();
        state.coefficients[0] = rate.coefficients[0] = 1.f;
        const std::vector<double> sizes = norms(ones, state), speeds = norms(ones, rate);
        std::vector<double> trials, times = times_;
        for (size_t i = 0; i < count; ++i) {
            const bool tiny = sizes[i] < 1e-5 || speeds[i] < 1e-5;
            const double trial =
                std::min(tiny ? 1e-6 : 0.01 * sizes[i] / speeds[i], std::abs(settings_.to - settings_.from));
            trials.push_back(direction() * trial);
            times[i] += trials[i];
        }
        Tensor moved(x_.shape(), Dtype::f32, x_.device());
        const Tensor device_trials = upload(trials);
        apply({1.0}, device_trials, moved);
        const OdeRate after = evaluate(times, moved);
        rate.rates[1] = after.x.data<float>();
        rate.coefficients[1] = -1.f;
        const std::vector<double> changes = norms(ones, rate);
        for (size_t i = 0; i < count; ++i) {
            const double trial = std::abs(trials[i]), most = std::max(speeds[i], changes[i] / trial);
            const double step = most <= 1e-15 ? std::max(1e-6, 1e-3 * trial) : std::pow(0.01 / most, 0.2);
            steps_.push_back(std::min(100 * trial, step));
        }
    }

    /// With their sign, none beyond the end.
    std::vector<double> clamped_steps() const {
        std::vector<double> steps;
        for (size_t i = 0; i < images_.size(); ++i) {
            const double left = std::abs(settings_.to - times_[i]);
            if (!(steps_[i] > 1e-12 * std::max(1.0, std::abs(times_[i]))))
                throw Error(fmt::format("ode: image {} of the batch needs steps below the precision of its "
                                        "time {:.6g}: the network's output is not finite there, or rtol and "
                                        "atol are too small",
                                        images_[i], times_[i]));
            steps.push_back(direction() * std::min(steps_[i], left));
        }
        return steps;
    }

    std::vector<double> errors_of(const std::vector<double>& steps, const Tensor& device_steps,
                                  const Tensor& next) {
        const std::vector<float> squares = scaled_squares(x_, next, device_steps, sum_of(error_weights));
        std::vector<double> errors;
        for (size_t i = 0; i < images_.size(); ++i) {
            double total = squares[i];
            for (int k = 0; k < settings_.scalars; ++k) {
                const double before = scalar(images_[i], k);
                const double after = before + steps[i] * scalar_sum(matrix[stages - 1], i, k);
                const double allowed =
                    settings_.atol + settings_.rtol * std::max(std::abs(before), std::abs(after));
                total += std::pow(steps[i] * scalar_sum(error_weights, i, k) / allowed, 2);
            }
            errors.push_back(root_mean(total));
        }
        return errors;
    }

    /// Takes over the steps that are accurate enough, chooses the next ones, and lets go of finished images.
    void finish(const std::vector<double>& steps, const std::vector<double>& errors, const Tensor& next) {
        if (++rounds_ > most_steps)
            throw Error(
                fmt::format("ode: not done after {} steps: choose a larger rtol and atol", most_steps));
        std::vector<int> going_on;
        for (size_t i = 0; i < images_.size(); ++i) {
            const int row = int(i);
            const bool accepted = errors[i] <= 1; // not where it is NaN
            double factor = errors[i] == 0 ? 10.0 : std::max(0.2, 0.9 * std::pow(errors[i], -0.2));
            if (!std::isfinite(errors[i])) factor = 0.2;
            factor = std::min(factor, accepted && !retried_[i] ? 10.0 : 1.0);
            retried_[i] = !accepted;
            steps_[i] = std::abs(steps[i]) * factor;
            if (!accepted) {
                going_on.push_back(row);
                continue;
            }
            for (int k = 0; k < settings_.scalars; ++k)
                scalar(images_[i], k) += steps[i] * scalar_sum(matrix[stages - 1], i, k);
            const bool arrived = std::abs(steps[i]) >= std::abs(settings_.to - times_[i]);
            times_[i] += steps[i];
            if (arrived) {
                copy_row(solution_.x, images_[i], next, row);
                continue;
            }
            copy_row(x_, row, next, row);
            copy_row(rates_[0].x, row, rates_[stages - 1].x, row);
            for (int k = 0; k < settings_.scalars; ++k) {
                const size_t at = i * size_t(settings_.scalars) + size_t(k);
                rates_[0].scalars[at] = rates_[stages - 1].scalars[at];
            }
            going_on.push_back(row);
        }
        if (going_on.size() < images_.size()) keep(going_on);
    }

    void keep(const std::vector<int>& rows) {
        const auto choose = [&](auto& values, size_t width) {
            auto kept = values;
            kept.clear();
            for (const int row : rows)
                for (size_t k = 0; k < width; ++k) kept.push_back(values[size_t(row) * width + k]);
            values = kept;
        };
        choose(images_, 1);
        choose(times_, 1);
        choose(steps_, 1);
        choose(retried_, 1);
        choose(rates_[0].scalars, size_t(settings_.scalars));
        if (rows.empty()) return;
        std::vector<int64_t> extents = x_.shape().extents();
        extents[0] = int64_t(rows.size());
        for (Tensor* tensor : {&x_, &rates_[0].x}) {
            Tensor kept(Shape(extents), Dtype::f32, tensor->device());
            for (size_t i = 0; i < rows.size(); ++i) copy_row(kept, int(i), *tensor, rows[i]);
            *tensor = kept;
        }
    }

    const OdeFunction& function_;
    OdeSettings settings_;
    int elements_, rounds_ = 0;
    OdeSolution solution_;
    std::vector<int> images_;
    std::vector<double> times_, steps_; ///< steps without their sign
    std::vector<bool> retried_;
    Tensor x_;
    std::array<OdeRate, stages> rates_;
};

} // namespace

OdeSolution integrate(const OdeFunction& function, const Tensor& start, const OdeSettings& settings,
                      const OdeObserver& observer) {
    if (!(settings.rtol > 0 && settings.atol > 0))
        throw Error(fmt::format("rtol = {} and atol = {}: expected above 0", settings.rtol, settings.atol));
    Integration integration(function, start, settings);
    while (!integration.done()) {
        integration.advance();
        if (observer) observer(integration.slowest_time(), [&] { return integration.states(); });
    }
    return std::move(integration.solution());
}

} // namespace heat::processes
