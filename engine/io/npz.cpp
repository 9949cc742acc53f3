#include "engine/io/npz.h"

#include "engine/io/byte_order.h"
#include "engine/io/crc32.h"
#include "engine/io/file.h"
#include "kernels/error.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <vector>

namespace heat {
namespace {

// All ones in a 32-bit field announce zip64, so the largest size is one less.
constexpr uint64_t largest_zip = 0xFFFFFFFEu;
constexpr size_t largest_member_count = 0xFFFE;
constexpr uint64_t version_needed = 20;
constexpr uint64_t made_by_unix = 3 << 8 | version_needed;
constexpr uint64_t utf8_names = 1 << 11;
constexpr uint64_t first_dos_date = 0x0021; // 1 January 1980
constexpr uint64_t regular_file_0644 = uint64_t{0100644} << 16;
constexpr size_t local_header_size = 30;
constexpr size_t central_header_size = 46;
constexpr size_t end_record_size = 22;

struct Member {
    std::string name;
    std::vector<uint8_t> header; ///< of the .npy
    std::span<const uint8_t> data;
    uint32_t crc = 0;
    uint64_t offset = 0;
    uint64_t size() const { return header.size() + data.size(); }
};

/// The fields that the local and the central header of a member share, from "version needed" to the extra
/// length.
void append_common(std::vector<uint8_t>& bytes, const Member& member) {
    append_little_endian(bytes, version_needed, 2);
    append_little_endian(bytes, utf8_names, 2);
    append_little_endian(bytes, 0, 2); // stored
    append_little_endian(bytes, 0, 2); // time
    append_little_endian(bytes, first_dos_date, 2);
    append_little_endian(bytes, member.crc, 4);
    append_little_endian(bytes, member.size(), 4);
    append_little_endian(bytes, member.size(), 4);
    append_little_endian(bytes, member.name.size(), 2);
    append_little_endian(bytes, 0, 2);
}

void append_text(std::vector<uint8_t>& bytes, std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
}

} // namespace

void write_npz(const std::filesystem::path& path, std::span<const NpzEntry> entries) {
    const std::string where = fmt::format("cannot write {}", path.string());
    if (entries.size() > largest_member_count)
        throw Error(fmt::format("{}: {} arrays are more than the {} of a zip", where, entries.size(),
                                largest_member_count));
    std::vector<Member> members;
    std::set<std::string> names;
    uint64_t total = end_record_size;
    for (const NpzEntry& entry : entries) {
        if (entry.name.empty() || entry.name.size() > 1000 || entry.name.find('/') != std::string::npos)
            throw Error(fmt::format("{}: '{}' cannot name an array", where, entry.name));
        if (!names.insert(entry.name).second)
            throw Error(fmt::format("{}: two arrays are named '{}'", where, entry.name));
        members.push_back({entry.name + ".npy", npy_header(entry.array), entry.array.bytes});
        total +=
            local_header_size + central_header_size + 2 * members.back().name.size() + members.back().size();
    }
    if (total > largest_zip)
        throw Error(fmt::format(
            "{}: {} bytes are more than the 4 GiB of a plain zip; write fewer arrays to one file, or "
            "a .npy each",
            where, total));

    AtomicFile file(path);
    for (Member& member : members) {
        member.offset = file.size();
        member.crc = crc32(member.data, crc32(member.header));
        std::vector<uint8_t> header;
        append_text(header, "PK\x03\x04");
        append_common(header, member);
        append_text(header, member.name);
        file.write(header);
        file.write(member.header);
        file.write(member.data);
    }
    const uint64_t directory_offset = file.size();
    std::vector<uint8_t> directory;
    for (const Member& member : members) {
        append_text(directory, "PK\x01\x02");
        append_little_endian(directory, made_by_unix, 2);
        append_common(directory, member);
        append_little_endian(directory, 0, 2); // comment length
        append_little_endian(directory, 0, 2); // disk
        append_little_endian(directory, 0, 2); // internal attributes
        append_little_endian(directory, regular_file_0644, 4);
        append_little_endian(directory, member.offset, 4);
        append_text(directory, member.name);
    }
    const size_t directory_size = directory.size();
    append_text(directory, "PK\x05\x06");
    append_little_endian(directory, 0, 4); // this disk, and the directory's
    append_little_endian(directory, members.size(), 2);
    append_little_endian(directory, members.size(), 2);
    append_little_endian(directory, directory_size, 4);
    append_little_endian(directory, directory_offset, 4);
    append_little_endian(directory, 0, 2); // comment length
    file.write(directory);
    file.commit();
}

} // namespace heat
