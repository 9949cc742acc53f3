#include "processes/sampling_path.h"

#include "kernels/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace heat::processes {

namespace {

[[noreturn]] void refuse_spacing(const std::string& spacing, const char* known) {
    throw Error(fmt::format("unknown spacing '{}': expected {}", spacing, known));
}

/// A place between level `below` and the next: what is interpolated is (1 − share)·below + share·next.
struct Place {
    int below = 0;
    double share = 0;
    double shown = 0; ///< the level whose timestep the network sees

    double level() const { return below + share; }
};

Place at_level(int level) {
    return {level, 0.0, double(level)};
}

class Places {
public:
    Places(const DiagonalTables& tables, const PathRequest& request) : tables_(tables), request_(request) {}

    /// From the first on, one for each step.
    std::vector<Place> all() const {
        const int n = tables_.levels(), k = request_.steps;
        const std::string& spacing = request_.spacing;
        std::vector<Place> places;
        if (spacing == "karras" || spacing == "log-snr") {
            for (int i = 0; i < k; ++i) places.push_back(at_sigma(log_sigma_on_ramp(i)));
            return places;
        }
        const bool linspace = spacing == "linspace", leading = spacing == "leading";
        if (k < n && request_.style == PathStyle::multistep && (linspace || leading)) {
            for (int i = k; i >= 1; --i)
                places.push_back(at_level(leading ? i * (n / (k + 1)) + 1
                                                  : int(std::nearbyint(i * (double(n - 1) / k))) + 1));
        } else if (k < n && request_.style == PathStyle::fractional && linspace) {
            for (int i = k - 1; i >= 0; --i)
                places.push_back(between(k == 1 ? 1.0 : 1.0 + i * (double(n - 1) / (k - 1))));
        } else {
            for (const int level : sampling_levels(spacing, n, k))
                if (level > 0) places.push_back(at_level(level));
        }
        return places;
    }

private:
    double log_sigma(int level) const { return tables_.log_s(level, 0) - tables_.log_a(level, 0); }

    double log_sigma_on_ramp(int i) const {
        const double high = log_sigma(tables_.levels()), low = log_sigma(1);
        const double ramp = request_.steps == 1 ? 0.0 : double(i) / (request_.steps - 1);
        if (request_.spacing == "log-snr") return high + ramp * (low - high);
        constexpr double rho = 7;
        const double first = std::exp(high / rho), last = std::exp(low / rho);
        return rho * std::log(first + ramp * (last - first));
    }

    /// Where eigenvalue 0 has this log σ.
    Place at_sigma(double wanted) const {
        const int n = tables_.levels();
        int low = 1, high = n;
        if (wanted >= log_sigma(n) - 1e-12) return at_level(n);
        if (wanted <= log_sigma(1) + 1e-12) return at_level(1);
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            (log_sigma(middle) <= wanted ? low : high) = middle;
        }
        Place place{low, (wanted - log_sigma(low)) / (log_sigma(high) - log_sigma(low)), 0.0};
        place.shown = request_.style == PathStyle::multistep ? std::nearbyint(place.level()) : place.level();
        return place;
    }

    /// Where eigenvalue 0 has the σ that lies on the line between those of the levels around this one.
    Place between(double level) const {
        const int below = std::min(int(level), tables_.levels());
        if (double(below) == level) return at_level(below);
        const double low = log_sigma(below), high = log_sigma(below + 1), share = level - below;
        const double sigma = low + std::log1p(share * std::expm1(high - low));
        return {below, high > low ? (sigma - low) / (high - low) : share, level};
    }

    const DiagonalTables& tables_;
    const PathRequest& request_;
};

double mixed(double below, double next, double share) {
    return (1.0 - share) * below + share * next;
}

/// log √(a² + s²)
double log_norm(const DiagonalTables& tables, int t, int p) {
    return tables.log_a(t, p) + 0.5 * std::log1p(std::exp(-tables.log_snr(t, p)));
}

/// Appends log a and log s at a place.
void append_logs(const DiagonalTables& tables, const Place& place, std::vector<double>& log_a,
                 std::vector<double>& log_s) {
    const int t = place.below;
    for (int p = 0; p < tables.width(); ++p) {
        if (place.share == 0.0) {
            log_a.push_back(tables.log_a(t, p));
            log_s.push_back(tables.log_s(t, p));
            continue;
        }
        const double norm = mixed(log_norm(tables, t, p), log_norm(tables, t + 1, p), place.share);
        const double log_sigma = -0.5 * mixed(tables.log_snr(t, p), tables.log_snr(t + 1, p), place.share);
        log_a.push_back(norm - 0.5 * std::log1p(std::exp(2 * log_sigma)));
        log_s.push_back(norm - 0.5 * std::log1p(std::exp(-2 * log_sigma)));
    }
}

/// Places, the highest first, without those above level `from`, which is the first where there were any.
void begin_at(int from, std::vector<Place>& places) {
    const auto below =
        std::find_if(places.begin(), places.end(), [&](const Place& place) { return place.level() <= from; });
    if (below == places.begin()) return;
    const bool visited = below != places.end() && below->level() == from;
    places.erase(places.begin(), below);
    if (!visited) places.insert(places.begin(), at_level(from));
}

float timestep_of(const PathRequest& request, double level) {
    const int below = int(level);
    const float first = request.timestep_of_level(below);
    if (double(below) == level) return first;
    return float(mixed(first, request.timestep_of_level(below + 1), level - below));
}

} // namespace

std::vector<int> levels_from(int from, const std::vector<int>& levels) {
    std::vector<int> below;
    for (const int level : levels)
        if (level <= from) below.push_back(level);
    if (below.size() < levels.size() && below.front() < from) below.insert(below.begin(), from);
    return below;
}

std::vector<int> sampling_levels(const std::string& spacing, int levels, int steps) {
    if (steps < 1 || steps > levels)
        throw Error(
            fmt::format("sampling in {} steps: expected 1 to {}, the number of levels", steps, levels));
    std::vector<int> visited;
    for (int i = 0; i < steps; ++i) {
        if (spacing == "leading")
            visited.push_back((steps - 1 - i) * (levels / steps) + 1);
        else if (spacing == "trailing") // nearbyint: half to even, as numpy rounds
            visited.push_back(int(std::nearbyint(levels - i * (double(levels) / steps))));
        else if (spacing == "linspace")
            visited.push_back(
                steps == 1 ? 1
                           : int(std::nearbyint((steps - 1 - i) * (double(levels - 1) / (steps - 1)))) + 1);
        else
            refuse_spacing(spacing, "leading, trailing or linspace");
    }
    visited.push_back(0);
    return visited;
}

SamplingPath sampling_path(const DiagonalTables& tables, const std::vector<double>& gains,
                           const PathRequest& request) {
    const int n = tables.levels();
    if (request.steps < 1 || request.steps > n)
        throw Error(
            fmt::format("sampling in {} steps: expected 1 to {}, the number of levels", request.steps, n));
    if (const std::string& s = request.spacing;
        s != "leading" && s != "trailing" && s != "linspace" && s != "karras" && s != "log-snr")
        refuse_spacing(s, "leading, trailing, linspace, karras or log-snr");
    std::vector<Place> places = Places(tables, request).all();
    if (request.from > 0) begin_at(request.from, places);
    places.push_back(at_level(request.ends_at_data ? 0 : 1));
    std::reverse(places.begin(), places.end());

    std::vector<double> log_a, log_s, levels, path_gains;
    std::vector<float> timesteps;
    const auto width = size_t(tables.width());
    for (const Place& place : places) {
        append_logs(tables, place, log_a, log_s);
        levels.push_back(place.level());
        timesteps.push_back(place.below > 0 ? timestep_of(request, place.shown) : 0.f);
        for (size_t p = 0; p < (gains.empty() ? 0 : width); ++p) {
            const double below = gains[size_t(place.below) * width + p];
            path_gains.push_back(
                place.share == 0.0
                    ? below
                    : std::exp(mixed(std::log(below), std::log(gains[size_t(place.below + 1) * width + p]),
                                     place.share)));
        }
    }
    const int last = int(places.size()) - 1;
    return {DiagonalTables(last, tables.width(), std::move(log_a), std::move(log_s)), last, std::move(levels),
            std::move(timesteps), std::move(path_gains)};
}

} // namespace heat::processes
