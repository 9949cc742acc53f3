#include "tools/configuration.h"

#include "engine/io/file.h"
#include "engine/io/printable.h"
#include "kernels/error.h"
#include "tools/nearest.h"

#include <fmt/format.h>

// toml++ takes for granted, or asserts, that a table's name begins with a key's character, and refuses others
// a few lines further on: neither an assumption nor an abort is wanted.
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <variant>

namespace heat::tools {
namespace {

using Target =
    std::variant<int*, int64_t*, float*, double*, bool*, std::string*, std::vector<int>*, std::optional<int>*,
                 std::optional<double>*, std::optional<bool>*, nets::Downsample*, nets::Upsample*>;

/// Which ends of a range do not belong to it.
enum class Open { none, low, high, both };

/// One key of the file, the member it sets, and the range of a number.
struct Field {
    std::string key;
    Target target;
    double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
    Open open = Open::none;

    bool holds(double value) const {
        const bool above = open == Open::low || open == Open::both ? value > low : value >= low;
        const bool below = open == Open::high || open == Open::both ? value < high : value <= high;
        return std::isfinite(value) && above && below;
    }
    std::string range() const {
        return fmt::format("{}{}, {}{}", open == Open::low || open == Open::both ? '(' : '[', low, high,
                           open == Open::high || open == Open::both ? ')' : ']');
    }
};

std::vector<Field> fields_of(Configuration& c) {
    processes::ProcessConfig& p = c.process;
    nets::UNetConfig& n = c.network;
    TrainConfig& t = c.train;
    return {
        {"data.path", &c.data.path},
        {"data.format", &c.data.format},
        {"data.height", &c.data.height, 1, 4096},
        {"data.width", &c.data.width, 1, 4096},
        {"data.channels", &c.data.channels, 1, 3},
        {"data.resize", &c.data.resize},
        {"data.flip", &c.data.flip},
        {"data.memory_limit", &c.data.memory_limit, 0, 1e9},
        {"process.kind", &p.kind},
        {"process.steps", &p.steps, 1, 1e6},
        {"process.schedule", &p.schedule},
        {"process.beta_start", &p.beta_start, 0, 1, Open::both},
        {"process.beta_end", &p.beta_end, 0, 1, Open::both},
        {"process.zero_terminal_snr", &p.zero_terminal_snr},
        {"process.prediction", &p.prediction},
        {"process.variance", &p.variance},
        {"process.loss_weight", &p.loss_weight},
        {"process.loss_gamma", &p.loss_gamma, 0, 1e3, Open::low},
        {"process.loss_k", &p.loss_k, 0, 1e3, Open::low},
        {"process.sigma_min", &p.sigma_min, 0, 1e6, Open::low},
        {"process.sigma_max", &p.sigma_max, 0, 1e6, Open::low},
        {"process.sigma", &p.sigma, 0, 1e3},
        {"process.delta", &p.delta, 0, 1e3},
        {"process.d_min", &p.d_min, 0, 1, Open::low},
        {"process.noise_min", &p.noise_min, 0, 1e6, Open::low},
        {"process.noise_max", &p.noise_max, 0, 1e6, Open::low},
        {"process.sigma_data", &p.sigma_data, 0, 1e3, Open::low},
        {"process.rho", &p.rho, 0, 1e3, Open::low},
        {"process.noise_mean", &p.noise_mean, -100, 100},
        {"process.noise_deviation", &p.noise_deviation, 0, 100, Open::low},
        {"process.K", &p.k, 0, 1e3},
        {"process.heat", &p.heat, 0, 1e6},
        {"process.theta", &p.theta, 0, 1},
        {"process.boundary", &p.boundary},
        {"process.input", &p.input},
        {"process.operator", &p.operation},
        {"process.solver", &p.solver},
        {"process.gain_floor", &p.gain_floor, 0, 1, Open::high},
        {"process.condition_limit", &p.condition_limit, 1, 1e300, Open::low},
        {"network.channels", &n.channels},
        {"network.blocks", &n.blocks, 1, 64},
        {"network.attention_levels", &n.attention_levels},
        {"network.middle_attention", &n.middle_attention},
        {"network.head_channels", &n.head_channels, 0, 4096},
        {"network.heads", &n.heads, 0, 4096},
        {"network.scale_shift", &n.scale_shift},
        {"network.groups", &n.groups, 1, 4096},
        {"network.norm_epsilon", &n.norm_epsilon, 0, 1, Open::low},
        {"network.dropout", &n.dropout, 0, 1, Open::high},
        {"network.downsample", &n.downsample},
        {"network.upsample", &n.upsample},
        {"network.downsample_padding", &n.downsample_padding, 0, 1},
        {"network.cosine_first", &n.cosine_first},
        {"network.frequency_shift", &n.frequency_shift, -1, 1},
        {"network.zero_initialize", &n.zero_initialize},
        {"network.classes", &n.classes, 0, 1e6},
        {"network.out_channels", &c.out_channels, 1, 4096},
        {"train.steps", &t.steps, 0, 1e12},
        {"train.batch", &t.batch, 1, 1e6},
        {"train.seed", &t.seed, 0, 9223372036854775807.0},
        {"train.dtype", &t.dtype},
        {"train.strict_f32", &t.strict_f32},
        {"train.deterministic", &t.deterministic},
        {"train.timestep_sampling", &t.timestep_sampling},
        {"train.learning_rate", &t.optimizer.learning_rate, 0, 1e3},
        {"train.warm_up", &t.optimizer.warm_up, 0, 1e12},
        {"train.beta1", &t.optimizer.beta1, 0, 1, Open::high},
        {"train.beta2", &t.optimizer.beta2, 0, 1, Open::high},
        {"train.epsilon", &t.optimizer.epsilon, 0, 1, Open::low},
        {"train.weight_decay", &t.optimizer.weight_decay, 0, 1e3},
        {"train.clip_norm", &t.optimizer.clip_norm, 0, 1e30},
        {"train.ema_rate", &t.optimizer.ema_rate, 0, 1},
        {"train.accumulation", &t.optimizer.accumulation, 1, 1e6},
        {"train.log_every", &t.log_every, 1, 1e12},
        {"train.checkpoint_every", &t.checkpoint_every, 1, 1e12},
        {"train.keep", &t.keep, 1, 1e6},
        {"train.keep_every", &t.keep_every, 0, 1e12},
        {"train.sample_every", &t.sample_every, 0, 1e12},
        {"train.sample_count", &t.sample_count, 1, 4096},
        {"sample.solver", &c.sample.solver},
        {"sample.steps", &c.sample.steps, 0, 1e6},
        {"sample.spacing", &c.sample.spacing},
        {"sample.clip", &c.sample.clip},
        {"sample.order", &c.sample.options.order, 1, 3},
        {"sample.singlestep", &c.sample.options.singlestep},
        {"sample.solver_type", &c.sample.options.type},
        {"sample.lower_order_final", &c.sample.options.lower_order_final},
        {"sample.final_sigma", &c.sample.options.final_sigma},
        {"sample.threshold", &c.sample.options.threshold, 0, 1, Open::low},
        {"sample.threshold_limit", &c.sample.options.threshold_limit, 1, 1e6},
    };
}

constexpr uint64_t largest_configuration = 1 << 20;

/// Names of enumerations, in the order of their values.
const std::vector<std::string> downsample_names{"convolution", "average_pool", "residual"};
const std::vector<std::string> upsample_names{"convolution", "nearest", "residual"};

std::vector<std::string> keys_of(const std::vector<Field>& fields) {
    std::vector<std::string> keys;
    keys.reserve(fields.size());
    for (const Field& field : fields) keys.push_back(field.key);
    return keys;
}

std::vector<std::string> sections_of(const std::vector<Field>& fields) {
    std::vector<std::string> sections;
    for (const Field& field : fields)
        if (const std::string section = field.key.substr(0, field.key.find('.'));
            sections.empty() || sections.back() != section)
            sections.push_back(section);
    return sections;
}

/// Of a name that a message quotes: the comparison takes time and memory in its square.
std::string shortened(const std::string& name) {
    return printable(name.size() <= 80 ? name : name.substr(0, 77) + "...");
}

const char* type_name(const toml::node& node) {
    switch (node.type()) {
    case toml::node_type::table:
        return "a table";
    case toml::node_type::array:
        return "an array";
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
        return "an integer";
    case toml::node_type::floating_point:
        return "a number";
    case toml::node_type::boolean:
        return "a boolean";
    default:
        return "a date or time";
    }
}

/// Writes one TOML value into its member; the visitor has one overload a type.
struct Setter {
    const Field& field;
    const toml::node& node;
    const std::string& source;

    [[noreturn]] void refuse(const std::string& expected) const {
        throw Error(fmt::format("{}: {} takes {}, got {}", source, field.key, expected, type_name(node)));
    }
    double in_range(double value) const {
        if (!field.holds(value))
            throw Error(
                fmt::format("{}: {} must lie in {}, got {}", source, field.key, field.range(), value));
        return value;
    }
    int64_t integer() const {
        const auto value = node.value_exact<int64_t>();
        if (!value) refuse("an integer");
        in_range(double(*value));
        return *value;
    }
    double number() const {
        if (!node.is_number()) refuse("a number");
        return in_range(*node.value<double>());
    }
    template <class Enum>
    Enum choice(const std::vector<std::string>& names) const {
        const auto value = node.value_exact<std::string>();
        if (!value) refuse(fmt::format("one of {}", fmt::join(names, ", ")));
        const auto found = std::find(names.begin(), names.end(), *value);
        if (found == names.end())
            throw Error(fmt::format("{}: {} is one of {}, got \"{}\"", source, field.key,
                                    fmt::join(names, ", "), *value));
        return Enum(found - names.begin());
    }

    void operator()(int* target) const {
        const int64_t value = integer();
        if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
            throw Error(fmt::format("{}: {} is too large: {}", source, field.key, value));
        *target = int(value);
    }
    void operator()(std::optional<int>* target) const { (*this)(&target->emplace()); }
    void operator()(std::optional<double>* target) const { *target = number(); }
    void operator()(std::optional<bool>* target) const { (*this)(&target->emplace()); }
    void operator()(int64_t* target) const { *target = integer(); }
    void operator()(float* target) const { *target = float(in_range(float(number()))); }
    void operator()(double* target) const { *target = number(); }
    void operator()(bool* target) const {
        const auto value = node.value_exact<bool>();
        if (!value) refuse("true or false");
        *target = *value;
    }
    void operator()(std::string* target) const {
        const auto value = node.value_exact<std::string>();
        if (!value) refuse("a string in quotes");
        *target = *value;
    }
    void operator()(std::vector<int>* target) const {
        const toml::array* array = node.as_array();
        if (!array) refuse("an array of integers");
        target->clear();
        for (const toml::node& item : *array) {
            const auto value = item.value_exact<int64_t>();
            if (!value || *value < 0 || *value > 65536)
                throw Error(
                    fmt::format("{}: {} takes an array of integers in [0, 65536]", source, field.key));
            target->push_back(int(*value));
        }
    }
    void operator()(nets::Downsample* target) const { *target = choice<nets::Downsample>(downsample_names); }
    void operator()(nets::Upsample* target) const { *target = choice<nets::Upsample>(upsample_names); }
};

void apply(Configuration& configuration, const toml::table& table, const std::string& source,
           const std::string& hint = "") {
    const std::vector<Field> fields = fields_of(configuration);
    const std::vector<std::string> sections = sections_of(fields);
    for (const auto& [name_of_section, content] : table) {
        const std::string section = shortened(std::string(name_of_section.str()));
        const toml::table* keys = content.as_table();
        if (!keys) throw Error(fmt::format("{}: key {} stands outside a [section]", source, section));
        if (std::find(sections.begin(), sections.end(), section) == sections.end())
            throw Error(fmt::format("{}: unknown section [{}]; did you mean [{}]?{}", source, section,
                                    nearest_name(section, sections), hint));
        for (const auto& [name, node] : *keys) {
            const std::string key = fmt::format("{}.{}", section, shortened(std::string(name.str())));
            const auto field =
                std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.key == key; });
            if (field == fields.end())
                throw Error(fmt::format("{}: unknown key {}; did you mean {}?{}", source, key,
                                        nearest_name(key, keys_of(fields)), hint));
            std::visit(Setter{*field, node, source}, field->target);
        }
    }
}

toml::table parse(const std::string& text, const std::string& source) {
    // The parser limits nested brackets, but not a dotted key, each part of which is a table in a table.
    constexpr std::ptrdiff_t most_dots = 4096;
    if (const auto dots = std::count(text.begin(), text.end(), '.'); dots > most_dots)
        throw Error(
            fmt::format("{}: no configuration: it has {} dots, more than {}", source, dots, most_dots));
    try {
        return toml::parse(text);
    } catch (const toml::parse_error& e) {
        throw Error(fmt::format("{}: line {}: not valid TOML: {}", source, e.source().begin.line,
                                printable(e.description())));
    }
}

void apply_setting(Configuration& configuration, const std::string& setting) {
    const std::string source = fmt::format("--set {}", shortened(setting));
    const size_t equals = setting.find('='), dot = setting.find('.');
    if (equals == std::string::npos || dot == 0 || dot > equals || dot + 1 == equals)
        throw Error(fmt::format("{}: expected section.key=value", source));
    std::string key = setting.substr(0, equals), value = setting.substr(equals + 1);
    // Quotes are a nuisance in a shell: text where the key takes text needs none.
    for (const Field& field : fields_of(configuration)) {
        const bool text = std::holds_alternative<std::string*>(field.target) ||
                          std::holds_alternative<nets::Downsample*>(field.target) ||
                          std::holds_alternative<nets::Upsample*>(field.target);
        if (field.key == key && text && !value.starts_with('"') && !value.starts_with('\'')) {
            std::string section = key.substr(0, key.find('.')), name = key.substr(key.find('.') + 1);
            apply(configuration, toml::table{{section, toml::table{{name, value}}}}, source);
            return;
        }
    }
    apply(configuration, parse(fmt::format("{} = {}", key, value), source), source);
}

} // namespace

Configuration read_configuration(const std::filesystem::path& path, const std::vector<std::string>& settings,
                                 ConfigurationSource source) {
    const std::vector<uint8_t> bytes = read_file(path, largest_configuration);
    Configuration configuration;
    apply(configuration, parse(std::string(bytes.begin(), bytes.end()), path.string()), path.string(),
          source == ConfigurationSource::run ? " Or a newer version of this program wrote it: use that one"
                                             : "");
    for (const std::string& setting : settings) apply_setting(configuration, setting);
    configuration.network.in_channels = configuration.data.channels;
    configuration.network.out_channels = configuration.out_channels.value_or(
        configuration.data.channels * (processes::learns_variance(configuration.process) ? 2 : 1));
    if (configuration.data.channels == 2) throw Error("data.channels is 1 (grey) or 3 (RGB), got 2");
    const TrainConfig& train = configuration.train;
    if (train.dtype != "auto" && train.dtype != "f32" && train.dtype != "bf16")
        throw Error(fmt::format("train.dtype is auto, f32 or bf16, got \"{}\"", train.dtype));
    if (train.timestep_sampling != "uniform" && train.timestep_sampling != "importance")
        throw Error(fmt::format("train.timestep_sampling is uniform or importance, got \"{}\"",
                                train.timestep_sampling));
    // Random numbers are addressed by the index of the batch, in 32 bits.
    constexpr int64_t most_batches = int64_t(1) << 32;
    if (train.steps > most_batches / train.optimizer.accumulation)
        throw Error(fmt::format("train.steps × train.accumulation must not exceed 2^32, got {} × {}",
                                train.steps, train.optimizer.accumulation));
    if (const std::string& resize = configuration.data.resize; resize != "crop" && resize != "none")
        throw Error(fmt::format("data.resize is crop or none, got \"{}\"", resize));
    configuration.network.validate();
    return configuration;
}

std::vector<std::string> configuration_keys() {
    Configuration any;
    return keys_of(fields_of(any));
}

std::string to_toml(const Configuration& configuration) {
    Configuration copy = configuration;
    toml::table root;
    for (const Field& field : fields_of(copy)) {
        const size_t dot = field.key.find('.');
        toml::table& section = *root.insert(field.key.substr(0, dot), toml::table{}).first->second.as_table();
        const std::string name = field.key.substr(dot + 1);
        std::visit(
            [&](auto* target) {
                using T = std::remove_pointer_t<decltype(target)>;
                if constexpr (std::is_same_v<T, std::vector<int>>) {
                    toml::array array;
                    for (int value : *target) array.push_back(value);
                    section.insert(name, array);
                } else if constexpr (std::is_same_v<T, nets::Downsample>) {
                    section.insert(name, downsample_names[size_t(*target)]);
                } else if constexpr (std::is_same_v<T, nets::Upsample>) {
                    section.insert(name, upsample_names[size_t(*target)]);
                } else if constexpr (std::is_same_v<T, std::optional<int>> ||
                                     std::is_same_v<T, std::optional<double>> ||
                                     std::is_same_v<T, std::optional<bool>>) {
                    if (*target) section.insert(name, **target);
                } else if constexpr (std::is_same_v<T, float>) {
                    section.insert(name,
                                   std::stod(fmt::format("{}", *target))); // 2e-4, not 1.9999999494757503e-4
                } else {
                    section.insert(name, *target);
                }
            },
            field.target);
    }
    std::ostringstream text;
    text << root << '\n';
    return text.str();
}

} // namespace heat::tools
