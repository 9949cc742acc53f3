#include "engine/data/batch.h"
#include "engine/data/fitted_images.h"
#include "engine/io/file.h"
#include "engine/io/line_plot.h"
#include "engine/io/png.h"
#include "engine/machine.h"
#include "kernels/error.h"
#include "tools/model.h"
#include "tools/operator.h"
#include "tools/power_spectrum.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace heat::tools {
namespace {

struct SpectrumOptions {
    OperatorChoice choice;
    std::string data, format = "auto", csv, eigenvalues, plot;
    std::vector<std::string> processes;
    int height = 0, width = 0, channels = 0, images = 256, levels = 4;
    double noise = 0;
    uint64_t seed = 0;
    bool json = false;
};

using Spectrum = std::vector<double>;

/// Spectra by name in the order in which they are shown.
struct NamedSpectrum {
    std::string name;
    Spectrum values;
};

Spectrum mean_of(const std::vector<Spectrum>& spectra) {
    Spectrum mean(spectra.front().size(), 0.0);
    for (const Spectrum& spectrum : spectra)
        for (size_t i = 0; i < mean.size(); ++i) mean[i] += spectrum[i] / double(spectra.size());
    return mean;
}

/// Up to o.images of the data set, evenly spread, 0 to 1.
Tensor load_images(SpectrumOptions& o) {
    std::unique_ptr<ImageSource> source = open_images(o.data, o.format);
    const bool fit = o.height > 0;
    if (!fit) {
        const Image8 first = source->decode(0).image;
        o.height = first.height;
        o.width = first.width;
        o.channels = first.channels;
    }
    LoadOptions options;
    options.memory_limit = 0; // each image is looked at once
    source = fit_images(std::move(source), {o.height, o.width, o.channels, fit}, options);
    std::vector<uint32_t> indices;
    const int shown = std::min(o.images, source->count());
    indices.reserve(size_t(shown));
    for (int i = 0; i < shown; ++i) indices.push_back(uint32_t(int64_t{source->count()} * i / shown));
    Tensor images;
    gather_batch(*source, indices, {}, [&](const Shape& shape) {
        images = Tensor(shape, Dtype::f32, Device::cpu);
        return images.data<float>();
    });
    return images;
}

/// What the network of a process sees of the images, in o.levels equal groups of levels, over the process's
/// data range, so that black to white is 1.
std::vector<NamedSpectrum> degraded(const SpectrumOptions& o, const std::string& source, const Tensor& images,
                                    const FrequencyRings& rings) {
    const processes::ImageSize size{o.height, o.width, o.channels};
    const std::vector<std::string> kinds = processes::process_kinds();
    processes::ProcessConfig config;
    if (std::find(kinds.begin(), kinds.end(), source) != kinds.end())
        config.kind = source;
    else
        config = configuration_of(source, {}).process;
    const auto process = processes::make_process(config, size, Device::cpu);
    const float low = process->data_low(), range = process->data_high() - low;
    std::vector<float> values = images.to_host();
    for (float& value : values) value = low + range * value;
    const Tensor scaled = Tensor::from_host(images.shape(), values, Device::cpu);

    const int groups = std::min(o.levels, process->steps());
    std::vector<std::vector<Spectrum>> spectra(static_cast<size_t>(groups));
    const RandomState random(o.seed, Device::cpu);
    // Levels are drawn: as many passes as give each group about the images' number.
    for (int pass = 0; pass < groups; ++pass) {
        const processes::TrainingBatch batch =
            process->training_batch(scaled, random, uint32_t(pass) * uint32_t(images.shape()[0]));
        const std::vector<Spectrum> each = power_spectra(batch.input, rings);
        const int32_t* levels = batch.levels.data<int32_t>();
        for (size_t i = 0; i < each.size(); ++i)
            spectra[size_t(int64_t(levels[i] - 1) * groups / process->steps())].push_back(each[i]);
    }
    std::vector<NamedSpectrum> named;
    for (int g = 0; g < groups; ++g) {
        if (spectra[size_t(g)].empty()) continue; // few images, and no level of the group drawn
        const auto first = [&](int group) {
            return (int64_t(group) * process->steps() + groups - 1) / groups + 1;
        };
        named.push_back({fmt::format("{} {}-{}", process->name(), first(g), first(g + 1) - 1),
                         mean_of(spectra[size_t(g)])});
        for (double& value : named.back().values) value /= double(range) * range;
    }
    return named;
}

/// The images under the operator, and white noise.
NamedSpectrum operated(const SpectrumOptions& o, const Tensor& images, const FrequencyRings& rings) {
    const processes::ModeGains gains{o.choice.gains(o.height, o.width), {}};
    NamedSpectrum named{
        o.choice.kind(),
        mean_of(power_spectra(processes::scale_modes(processes::basis_of(o.choice.boundary()), images, gains),
                              rings))};
    if (o.noise > 0) named.name += fmt::format(" + {} noise", o.noise);
    for (double& value : named.values)
        value += o.noise * o.noise; // white noise has its variance in every mode
    return named;
}

struct Gains {
    std::vector<double> laplacian, gain;
};

void print_gains(const SpectrumOptions& o, const Gains& gains) {
    std::vector<size_t> order(gains.gain.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return gains.laplacian[a] > gains.laplacian[b]; });
    fmt::print("{} on {}x{} pixels, {} modes in the {} basis\n", o.choice.text(), o.height, o.width,
               order.size(), processes::name_of(processes::basis_of(o.choice.boundary())));
    fmt::print("{:>6} {:>6} {:>14} {:>16}\n", "row", "column", "laplacian", "gain");
    const size_t rows = std::min<size_t>(order.size(), 12);
    for (size_t r = 0; r < rows; ++r) {
        const size_t mode = order[rows > 1 ? r * (order.size() - 1) / (rows - 1) : 0];
        fmt::print("{:>6} {:>6} {:>14.8g} {:>16.8g}\n", mode / size_t(o.width), mode % size_t(o.width),
                   gains.laplacian[mode], gains.gain[mode]);
    }
    const auto [low, high] = std::minmax_element(gains.gain.begin(), gains.gain.end());
    const auto lost = std::count_if(gains.gain.begin(), gains.gain.end(), [](double g) { return g < 1e-3; });
    fmt::print("gains {:.6g} to {:.6g}, condition number 10^{:.2f}, {} modes below 1e-3\n", *low, *high,
               o.choice.log10_condition(o.height, o.width), lost);
}

std::string gains_csv(const SpectrumOptions& o, const Gains& gains) {
    std::string text = "row,column,laplacian,gain\n";
    for (size_t mode = 0; mode < gains.gain.size(); ++mode)
        text += fmt::format("{},{},{:.17g},{:.17g}\n", mode / size_t(o.width), mode % size_t(o.width),
                            gains.laplacian[mode], gains.gain[mode]);
    return text;
}

void print_spectra(const std::vector<NamedSpectrum>& spectra, const Spectrum& frequencies) {
    fmt::print("{:>12}", "cycles/pixel");
    for (const NamedSpectrum& s : spectra) fmt::print(" {:>16}", s.name);
    fmt::print("\n");
    const size_t rows = std::min<size_t>(frequencies.size(), 12);
    for (size_t r = 0; r < rows; ++r) {
        const size_t ring = rows > 1 ? r * (frequencies.size() - 1) / (rows - 1) : 0;
        fmt::print("{:>12.4f}", frequencies[ring]);
        for (const NamedSpectrum& s : spectra) fmt::print(" {:>16.6g}", s.values[ring]);
        fmt::print("\n");
    }
}

std::string spectra_csv(const std::vector<NamedSpectrum>& spectra, const Spectrum& frequencies) {
    std::string text = "cycles_per_pixel";
    for (const NamedSpectrum& s : spectra) text += "," + s.name;
    text += "\n";
    for (size_t ring = 0; ring < frequencies.size(); ++ring) {
        text += fmt::format("{:.9g}", frequencies[ring]);
        for (const NamedSpectrum& s : spectra) text += fmt::format(",{:.9g}", s.values[ring]);
        text += "\n";
    }
    return text;
}

/// Of the spectra, or of the gains where there are no data.
LinePlot plot_of(const SpectrumOptions& o, const std::vector<NamedSpectrum>& spectra,
                 const FrequencyRings& rings, const Gains& gains) {
    LinePlot plot;
    plot.x = {"cycles a pixel", true};
    if (!spectra.empty()) {
        plot.title = "power spectral density";
        plot.y = {"mean squared coefficient", true};
        for (const NamedSpectrum& s : spectra) plot.series.push_back({s.name, rings.frequencies(), s.values});
        return plot;
    }
    plot.title = o.choice.text();
    plot.y = {"gain", true};
    Spectrum sums(size_t(rings.count()), 0.0), counts = sums;
    for (size_t mode = 0; mode < gains.gain.size(); ++mode) {
        const auto ring = size_t(rings.ring_of_mode()[mode]);
        sums[ring] += gains.gain[mode];
        counts[ring] += 1;
    }
    for (size_t ring = 0; ring < sums.size(); ++ring) sums[ring] /= counts[ring];
    plot.series.push_back({"mean gain", rings.frequencies(), sums});
    return plot;
}

void print_json(const SpectrumOptions& o, const std::vector<NamedSpectrum>& spectra,
                const FrequencyRings& rings, const Gains& gains) {
    nlohmann::json out{{"height", o.height}, {"width", o.width}};
    if (o.choice.chosen()) {
        const auto [low, high] = std::minmax_element(gains.gain.begin(), gains.gain.end());
        out["operator"] = o.choice.text();
        out["least_gain"] = *low;
        out["largest_gain"] = *high;
        out["log10_condition"] = o.choice.log10_condition(o.height, o.width);
    }
    if (!spectra.empty()) {
        out["frequencies"] = rings.frequencies();
        for (const NamedSpectrum& s : spectra)
            out["spectra"].push_back({{"name", s.name}, {"power", s.values}});
    }
    fmt::print("{}\n", out.dump());
}

void check(const SpectrumOptions& o) {
    if (o.choice.chosen()) o.choice.check();
    if (!o.choice.chosen() && o.data.empty())
        throw CLI::ValidationError("--kind or --data", "expected an operator, a data set, or both");
    if (o.data.empty() && o.height == 0)
        throw CLI::ValidationError("--height and --width", "expected the size of the images, or --data");
    if (o.data.empty() && (!o.processes.empty() || !o.csv.empty()))
        throw CLI::ValidationError(o.csv.empty() ? "--process" : "--csv", "needs --data");
    if (!o.data.empty() && o.height > 0 && o.channels == 0)
        throw CLI::ValidationError("--channels", "with --data, --height and --width it is needed too");
    if (!o.choice.chosen() && !o.eigenvalues.empty())
        throw CLI::ValidationError("--eigenvalues", "needs --kind");
    if (o.noise != 0 && (!o.choice.chosen() || o.data.empty()))
        throw CLI::ValidationError("--noise", "needs --kind and --data");
    if (!(o.noise >= 0 && std::isfinite(o.noise)))
        throw CLI::ValidationError("--noise",
                                   fmt::format("{}: expected a finite number, 0 or more", o.noise));
}

void spectrum(SpectrumOptions& o) {
    check(o);
    Tensor images;
    if (!o.data.empty()) images = load_images(o);
    const FrequencyRings rings(o.height, o.width);
    Gains gains;
    if (o.choice.chosen())
        gains = {processes::discrete_eigenvalues(processes::basis_of(o.choice.boundary()), o.height, o.width),
                 o.choice.gains(o.height, o.width)};
    std::vector<NamedSpectrum> spectra;
    if (images.defined()) {
        spectra.push_back({"data", mean_of(power_spectra(images, rings))});
        if (o.choice.chosen()) spectra.push_back(operated(o, images, rings));
        for (const std::string& source : o.processes)
            for (NamedSpectrum& s : degraded(o, source, images, rings)) spectra.push_back(std::move(s));
    }
    if (!o.eigenvalues.empty()) write_file_atomically(o.eigenvalues, gains_csv(o, gains));
    if (!o.csv.empty()) write_file_atomically(o.csv, spectra_csv(spectra, rings.frequencies()));
    if (!o.plot.empty()) write_png(o.plot, draw(plot_of(o, spectra, rings, gains)));
    if (o.json) {
        print_json(o, spectra, rings, gains);
        return;
    }
    if (o.choice.chosen()) print_gains(o, gains);
    if (!spectra.empty()) print_spectra(spectra, rings.frequencies());
}

} // namespace

void add_operator_spectrum_command(CLI::App& parent) {
    auto o = std::make_shared<SpectrumOptions>();
    CLI::App* command = parent.add_subcommand(
        "spectrum",
        "Eigenvalues of an operator; power spectral density of a data set as processes degrade it");
    o->choice.add_options(*command, false);
    CLI::Option* height =
        command->add_option("--height", o->height, "Of the images; the data set's own unless given")
            ->check(CLI::Range(1, 4096));
    CLI::Option* width = command->add_option("--width", o->width, "and width")->check(CLI::Range(1, 4096));
    height->needs(width);
    width->needs(height);
    command->add_option("--channels", o->channels, "with 1 (grey) or 3 (RGB) channels")
        ->check(CLI::IsMember({1, 3}))
        ->needs(height);
    command->add_option("--data", o->data,
                        "Folder or zip file of PNG and JPEG images, or IDX or CIFAR-10 data");
    command->add_option("--format", o->format, "What it is")
        ->type_name("{auto,idx,cifar10,images}")
        ->capture_default_str();
    command->add_option("--images", o->images, "At most so many, evenly spread over the set")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000000));
    command->add_option("--noise", o->noise, "Deviation of white noise added after the operator");
    command
        ->add_option(
            "--process", o->processes,
            fmt::format("Also as this process degrades them: {}, a configuration or a run; may be repeated",
                        fmt::join(processes::process_kinds(), ", ")))
        ->type_name("PATH")
        ->allow_extra_args(false);
    command->add_option("--levels", o->levels, "Groups of levels that a process is shown in")
        ->capture_default_str()
        ->check(CLI::Range(1, 64));
    command->add_option("--seed", o->seed, "Of the processes' levels and noise")->capture_default_str();
    command->add_option("--eigenvalues", o->eigenvalues,
                        "Write every mode's eigenvalue and gain to this CSV file");
    command->add_option("--csv", o->csv, "Write the spectra to this CSV file");
    command->add_option("--plot", o->plot, "Draw the spectra, or the gains without --data, to this PNG file");
    command->add_flag("--json", o->json, "Print JSON");
    command->footer(
        "Examples:\n"
        "  engine operator spectrum --kind crank-nicolson --K 0.1 --power 20 --height 64 --width 64\n"
        "  engine operator spectrum --data photographs --height 64 --width 64 --channels 3 --process ddpm "
        "--process ihdm --csv spectra.csv --plot spectra.png");
    command->callback([o] { spectrum(*o); });
}

} // namespace heat::tools
