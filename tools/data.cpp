#include "engine/data/fitted_images.h"
#include "engine/data/survey.h"
#include "engine/io/image_grid.h"
#include "engine/io/png.h"
#include "engine/machine.h"
#include "kernels/error.h"
#include "tools/commands.h"
#include "tools/progress.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <climits>
#include <map>

namespace heat::tools {
namespace {

struct InspectOptions {
    std::string path, format = "auto", sheet = "contact-sheet.png";
    int height = 0, width = 0, channels = 0;
    bool no_sheet = false, json = false;

    bool fits() const { return height > 0; }
};

using Json = nlohmann::ordered_json;

std::string size_text(const std::pair<int, int>& size) {
    return fmt::format("{}x{}", size.first, size.second);
}

Json describe_sizes(const std::map<std::pair<int, int>, int>& sizes) {
    int least_height = INT_MAX, least_width = INT_MAX, most_height = 0, most_width = 0;
    const auto* common = &*sizes.begin();
    for (const auto& entry : sizes) {
        least_height = std::min(least_height, entry.first.first);
        least_width = std::min(least_width, entry.first.second);
        most_height = std::max(most_height, entry.first.first);
        most_width = std::max(most_width, entry.first.second);
        if (entry.second > common->second) common = &entry;
    }
    return {{"different", sizes.size()},
            {"least", {{"height", least_height}, {"width", least_width}}},
            {"most", {{"height", most_height}, {"width", most_width}}},
            {"commonest",
             {{"height", common->first.first}, {"width", common->first.second}, {"images", common->second}}}};
}

Json describe_classes(const ImageSetInfo& info) {
    std::map<int, int> counts;
    for (const int label : info.labels) ++counts[label];
    Json classes = Json::array();
    for (const auto& [label, count] : counts) {
        Json entry{{"label", label}, {"images", count}};
        if (!info.class_names.empty()) entry["name"] = info.class_names[size_t(label)];
        classes.push_back(std::move(entry));
    }
    return classes;
}

Json describe(const ImageSetInfo& info, const ImageSurvey& survey) {
    Json ignored = Json::object();
    for (const auto& [reason, count] : info.ignored) ignored[reason] = count;
    const auto channels = std::ptrdiff_t(survey.channels);
    return {{"path", info.path},
            {"format", info.format},
            {"images", info.count},
            {"sizes", describe_sizes(survey.sizes)},
            {"kinds", survey.kinds},
            {"classes", describe_classes(info)},
            {"bytes", survey.bytes},
            {"mean", std::vector<double>(survey.mean, survey.mean + channels)},
            {"standard_deviation",
             std::vector<double>(survey.standard_deviation, survey.standard_deviation + channels)},
            {"ignored", ignored}};
}

void print_text(const Json& report, const ImageSetInfo& info, const ImageSurvey& survey) {
    const auto line = [](const char* what, const std::string& text) {
        fmt::print("{:<20} {}\n", what, text);
    };
    line("data set", info.description);
    line("format", info.format);
    line("images", fmt::format("{}", info.count));
    const Json& sizes = report["sizes"];
    const auto size = [&](const char* which) {
        return size_text({sizes[which]["height"].get<int>(), sizes[which]["width"].get<int>()});
    };
    if (survey.sizes.size() == 1)
        line("height x width", size("commonest"));
    else
        line("height x width",
             fmt::format("{} to {}, {} different; commonest {} ({} images)", size("least"), size("most"),
                         survey.sizes.size(), size("commonest"), sizes["commonest"]["images"].get<int>()));
    std::vector<std::string> kinds, ignored, mean, deviation;
    for (const auto& [kind, count] : survey.kinds) kinds.push_back(fmt::format("{} {}", count, kind));
    line("kinds", fmt::format("{}", fmt::join(kinds, ", ")));
    line("decoded", survey.bytes < 1 << 20 ? fmt::format("{:.1f} KiB", double(survey.bytes) / (1 << 10))
                                           : fmt::format("{:.1f} MiB", double(survey.bytes) / (1 << 20)));
    for (int c = 0; c < survey.channels; ++c) {
        mean.push_back(fmt::format("{:.2f}", survey.mean[c]));
        deviation.push_back(fmt::format("{:.2f}", survey.standard_deviation[c]));
    }
    line("mean", fmt::format("{} of 255", fmt::join(mean, " ")));
    line("standard deviation", fmt::format("{}", fmt::join(deviation, " ")));
    for (const auto& [reason, count] : info.ignored) ignored.push_back(fmt::format("{} {}", count, reason));
    line("ignored files", ignored.empty() ? "none" : fmt::format("{}", fmt::join(ignored, ", ")));
    if (report["classes"].empty()) line("classes", "none");
    for (const Json& entry : report["classes"])
        line("class", fmt::format("{:>4}  {:>8} images  {}", entry["label"].get<int>(),
                                  entry["images"].get<int>(), entry.value("name", "")));
}

/// Up to 64 images, evenly spread over the set, as one picture.
void write_contact_sheet(const std::string& path, const ImageSource& images, const ImageSurvey& survey) {
    constexpr int most_images = 64, largest_side = 128, comfortable_side = 64;
    const auto commonest =
        std::max_element(survey.sizes.begin(), survey.sizes.end(), [](const auto& a, const auto& b) {
            return a.second < b.second;
        })->first;
    ImageFit cell{commonest.first, commonest.second, survey.channels};
    if (const int longer = std::max(cell.height, cell.width); longer > largest_side) {
        cell.height = std::max(1, cell.height * largest_side / longer);
        cell.width = std::max(1, cell.width * largest_side / longer);
    }
    const int shown = std::min(images.count(), most_images);
    std::vector<uint8_t> pixels;
    for (int i = 0; i < shown; ++i) {
        const auto index = uint32_t(int64_t{images.count()} * i / shown);
        const Image8 image = fitted(images.decode(index).image, cell, images.name(index));
        pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
    }
    const int scale = std::max(1, comfortable_side / std::max(cell.height, cell.width));
    write_png(path, image_grid(pixels, shown, cell.height, cell.width, cell.channels, {.scale = scale}));
}

void inspect(const InspectOptions& o) {
    std::unique_ptr<ImageSource> images = open_images(o.path, o.format);
    LoadOptions options;
    options.memory_limit = 0; // each image is looked at once
    if (o.fits()) images = fit_images(std::move(images), {o.height, o.width, o.channels}, options);
    ImageSurvey survey;
    {
        Progress progress("images", 0, images->count());
        double shown = 0;
        survey = survey_images(*images, cpu_threads(), [&](uint32_t done) {
            if (progress.seconds() < shown + 2) return;
            shown = progress.seconds();
            progress.show(done, "read");
        });
    }
    if (!survey.unreadable.empty()) {
        const size_t count = survey.unreadable.size(), most_listed = 20;
        for (size_t i = 1; i < std::min(count, most_listed); ++i)
            fmt::print(stderr, "unreadable: {}\n", survey.unreadable[i].second);
        throw Error(count == 1 ? survey.unreadable[0].second
                               : fmt::format("{} (and {} more of {} images cannot be read)",
                                             survey.unreadable[0].second, count - 1, images->count()));
    }
    Json report = describe(images->info(), survey);
    if (!o.no_sheet) {
        write_contact_sheet(o.sheet, *images, survey);
        report["contact_sheet"] = o.sheet;
    }
    if (o.json) {
        fmt::print("{}\n", report.dump(-1, ' ', false, Json::error_handler_t::replace));
        return;
    }
    print_text(report, images->info(), survey);
    if (!o.no_sheet) fmt::print("{:<20} {}\n", "contact sheet", o.sheet);
}

} // namespace

void add_data_command(CLI::App& app) {
    CLI::App* data = app.add_subcommand("data", "Look at training images");
    data->require_subcommand(1);
    data->footer("Example:\n  engine data inspect photographs");

    auto o = std::make_shared<InspectOptions>();
    CLI::App* command = data->add_subcommand(
        "inspect", "What a data set holds: sizes, kinds, classes, statistics; and a contact sheet of it");
    command->add_option("path", o->path, "Folder or zip file of PNG and JPEG images, or IDX or CIFAR-10 data")
        ->required();
    command->add_option("--format", o->format, "What it is")
        ->type_name("{auto,idx,cifar10,images}")
        ->capture_default_str();
    CLI::Option* height = command
                              ->add_option("--height", o->height,
                                           "Look at the images as training would see them: scaled "
                                           "and cropped to this height")
                              ->check(CLI::Range(1, 4096));
    CLI::Option* width = command->add_option("--width", o->width, "and width")->check(CLI::Range(1, 4096));
    CLI::Option* channels =
        command->add_option("--channels", o->channels, "with 1 (grey) or 3 (RGB) channels")
            ->check(CLI::IsMember({1, 3}));
    height->needs(width, channels);
    width->needs(height, channels);
    channels->needs(height, width);
    command->add_option("--sheet", o->sheet, "PNG file for the contact sheet")->capture_default_str();
    command->add_flag("--no-sheet", o->no_sheet, "Write no contact sheet");
    command->add_flag("--json", o->json, "Print JSON");
    command->footer(
        "Examples:\n"
        "  engine data inspect photographs\n"
        "  engine data inspect photographs.zip --height 64 --width 64 --channels 3 --sheet small.png\n"
        "  engine data inspect mnist --json --no-sheet");
    command->callback([o] { inspect(*o); });
}

} // namespace heat::tools
