#include "tests/fuzz/readers.h"

#include "engine/data/cifar10.h"
#include "engine/data/dataset_json.h"
#include "engine/data/idx.h"
#include "engine/io/byte_order.h"
#include "engine/io/crc32.h"
#include "engine/io/image_decoder.h"
#include "engine/io/npy.h"
#include "engine/io/png.h"
#include "engine/io/safetensors.h"
#include "engine/io/zip_archive.h"
#include "kernels/error.h"
#include "tools/configuration.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace heat::fuzz {
namespace {

namespace fs = std::filesystem;

/// A file that lies in memory, for readers that take a path.
class MemoryFile {
public:
    explicit MemoryFile(std::span<const uint8_t> bytes) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
        for (size_t done = 0; done < bytes.size();) {
            const ssize_t written = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
            if (written <= 0) throw std::runtime_error("cannot write a file in memory");
            done += size_t(written);
        }
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    fs::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

/// Whether `action` went through; a heat::Error of one line is a refusal.
template <class Action>
bool accepted(Action&& action) {
    try {
        action();
        return true;
    } catch (const Error& error) {
        if (std::string_view(error.what()).find('\n') != std::string_view::npos)
            throw std::logic_error(std::string("a message of several lines: ") + error.what());
        return false;
    }
}

/// Reads every byte, so that a span beyond its memory is noticed.
void touch(std::span<const uint8_t> bytes) {
    volatile uint32_t sum = 0;
    for (const uint8_t byte : bytes) sum = sum + byte;
}

bool read_safetensors(std::span<const uint8_t> bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const SafetensorsFile tensors(file.path());
        for (const SafetensorsEntry& entry : tensors.entries()) touch(tensors.at(entry.name).bytes);
    });
}

bool read_array(std::span<const uint8_t> bytes) {
    return accepted([&] { (void)npy_to_f32(decode_npy(bytes, "input")); });
}

/// The file with the checksums its chunks should have, or nothing where it is not divided into chunks.
std::vector<uint8_t> with_png_checksums(std::span<const uint8_t> bytes) {
    std::vector<uint8_t> file(bytes.begin(), bytes.end());
    for (size_t at = 8; at + 12 <= file.size();) {
        const size_t length = load_big_endian_u32(file.data() + at);
        if (length > file.size() - at - 12) return {};
        const uint32_t sum = crc32(std::span(file).subspan(at + 4, 4 + length));
        for (size_t i = 0; i < 4; ++i) file[at + 8 + length + i] = uint8_t(sum >> (24 - 8 * i));
        at += 12 + length;
    }
    return file;
}

bool read_image(std::span<const uint8_t> bytes) {
    const auto decode = [](std::span<const uint8_t> file) {
        return accepted([&] { touch(with_channels(decode_image(file, "input").image, 1).pixels); });
    };
    // A changed PNG rarely passes its checksums, and the decoder behind them is to be reached.
    if (is_png(bytes))
        if (const std::vector<uint8_t> mended = with_png_checksums(bytes); !mended.empty() && decode(mended))
            return true;
    return decode(bytes);
}

bool read_dataset(std::span<const uint8_t> bytes) {
    const MemoryFile file(bytes);
    const fs::path path = file.path();
    const bool images = accepted([&] { touch(load_idx(path).pixels); });
    const bool labels = accepted([&] { (void)load_idx_labels(path); });
    const bool cifar = accepted([&] { touch(load_cifar10(std::span(&path, 1)).pixels); });
    return images || labels || cifar;
}

bool read_json(std::span<const uint8_t> bytes) {
    static const std::vector<std::string_view> names{"00000/img00000000.png", "00000/img00000001.png",
                                                     "a.png"};
    return accepted([&] { (void)read_dataset_json(bytes, "input", names); });
}

bool read_archive(std::span<const uint8_t> bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const ZipArchive archive(file.path());
        for (const ZipArchive::Entry& entry : archive.entries())
            accepted([&] { touch(archive.read(entry, uint64_t{1} << 20)); });
    });
}

/// What was read is written as it will be read again.
bool read_toml(std::span<const uint8_t> bytes) {
    const MemoryFile file(bytes);
    return accepted([&] {
        const std::string written = tools::to_toml(tools::read_configuration(file.path()));
        const MemoryFile again({reinterpret_cast<const uint8_t*>(written.data()), written.size()});
        if (tools::to_toml(tools::read_configuration(again.path())) != written)
            throw std::logic_error("a configuration changes by being written: " + written);
    });
}

} // namespace

const std::vector<Reader>& readers() {
    static const std::vector<Reader> all{
        {"safetensors",
         read_safetensors,
         {"tests/fuzz/seeds/safetensors", "tests/golden/io_small.safetensors"}},
        {"npy", read_array, {"tests/fuzz/seeds/npy"}},
        {"image", read_image, {"tests/fuzz/seeds/image", "tests/golden/images"}},
        {"dataset", read_dataset, {"tests/fuzz/seeds/dataset"}},
        {"json", read_json, {"tests/fuzz/seeds/json"}},
        {"zip", read_archive, {"tests/fuzz/seeds/zip", "tests/golden/images/classes.zip"}},
        {"toml", read_toml, {"tests/fuzz/seeds/toml", "configs"}},
    };
    return all;
}

const Reader& reader_named(const std::string& name) {
    for (const Reader& reader : readers())
        if (reader.name == name) return reader;
    throw std::logic_error("no reader " + name);
}

std::vector<fs::path> seed_files(const Reader& reader, const fs::path& source_tree) {
    std::vector<fs::path> files;
    for (const std::string& seed : reader.seeds) {
        const fs::path path = source_tree / seed;
        if (!fs::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(path))
            if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace heat::fuzz
