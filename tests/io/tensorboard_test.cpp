#include "engine/io/crc32c.h"
#include "engine/io/file.h"
#include "engine/io/png.h"
#include "engine/io/protobuf.h"
#include "engine/io/tensorboard.h"
#include "tests/io/support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace heat;
using namespace heat::test;

namespace {

constexpr double golden_time = 1700000000.25;
constexpr int64_t far_step = (int64_t{1} << 40) + 3;

std::vector<uint8_t> golden_file() {
    return read_file(std::string(HEAT_SOURCE_DIR) + "/tests/golden/tensorboard_events.bin");
}

/// The PNG file inside the bytes of an event file.
std::vector<uint8_t> embedded_png(std::span<const uint8_t> file) {
    const uint8_t begin[] = {0x89, 'P', 'N', 'G'}, end[] = {'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    const auto first = std::search(file.begin(), file.end(), std::begin(begin), std::end(begin));
    const auto last = std::search(first, file.end(), std::begin(end), std::end(end));
    REQUIRE(last != file.end());
    return {first, last + std::size(end)};
}

/// A version event, then scalars at these steps.
std::vector<uint8_t> events_at(std::initializer_list<int64_t> steps) {
    std::vector<uint8_t> file = version_record(1.5);
    for (const int64_t step : steps) append(file, scalars_record(2.5, step, {{{"loss", 1.f}}}));
    return file;
}

} // namespace

TEST_SUITE("io") {

    TEST_CASE("crc32c: known answers") {
        CHECK(crc32c({}) == 0);
        CHECK(crc32c(to_bytes("123456789")) == 0xE3069283);      // the check value of every catalogue of CRCs
        const std::vector<uint8_t> zeros(32, 0), ones(32, 0xFF); // RFC 3720, B.4
        CHECK(crc32c(zeros) == 0x8A9136AA);
        CHECK(crc32c(ones) == 0x62A8AB43);
        CHECK(crc32c(to_bytes("56789"), crc32c(to_bytes("1234"))) == 0xE3069283);
    }

    TEST_CASE("crc32c: masked as in the records of TensorFlow") {
        // The length field of a record of 24 bytes, and its sum as the tensorboard package writes it.
        CHECK(masked_crc32c(std::vector<uint8_t>{24, 0, 0, 0, 0, 0, 0, 0}) == 0x224B7FA3);
    }

    TEST_CASE("tensorboard: the bytes of the tensorboard package") {
        const std::vector<uint8_t> golden = golden_file(), png = embedded_png(golden);
        std::vector<uint8_t> ours = version_record(golden_time);
        append(ours, scalars_record(golden_time, 0, {{{"loss", 0.f}}}));
        append(ours, scalars_record(golden_time + 50, 50,
                                    {{{"loss", 0.125f},
                                      {"learning_rate", 2e-4f},
                                      {"gradient_norm", 1e30f},
                                      {"images_per_second", 321.5f}}}));
        append(ours, scalars_record(golden_time + 300, 300, {{{"loss", -1.5f}}}));
        append(ours, scalars_record(golden_time + double(far_step), far_step,
                                    {{{"loss", std::numeric_limits<float>::infinity()}}}));
        append(ours, image_record(golden_time + double(far_step), far_step, "samples", 2, 3, 3, png));
        CHECK(ours == golden);
    }

    TEST_CASE("tensorboard: what a resumed run keeps of the package's file") {
        const std::vector<uint8_t> golden = golden_file();
        const size_t version = version_record(golden_time).size();
        const size_t step_0 = version + scalars_record(1, 0, {{{"loss", 0.f}}}).size();
        CHECK(kept_event_bytes(golden, 0) == step_0);
        CHECK(kept_event_bytes(golden, 49) == step_0);
        CHECK(kept_event_bytes(golden, 50) > step_0);
        CHECK(kept_event_bytes(golden, far_step - 1) == kept_event_bytes(golden, 300));
        CHECK(kept_event_bytes(golden, far_step) == golden.size());
    }

    TEST_CASE("tensorboard: cut off anywhere, the whole records before stay") {
        const std::vector<uint8_t> whole = events_at({1, 2});
        const size_t after_1 = events_at({1}).size(), after_version = events_at({}).size();
        for (size_t size = 0; size < whole.size(); ++size) {
            const size_t expected = size >= after_1 ? after_1 : size >= after_version ? after_version : 0;
            CHECK(kept_event_bytes(std::span(whole).first(size), 100) == expected);
        }
        CHECK(kept_event_bytes(whole, 100) == whole.size());
    }

    TEST_CASE("tensorboard: a changed byte ends what is kept before its record") {
        const std::vector<uint8_t> whole = events_at({1, 2});
        const size_t after_1 = events_at({1}).size(), after_version = events_at({}).size();
        for (size_t i = 0; i < whole.size(); ++i) {
            std::vector<uint8_t> damaged = whole;
            damaged[i] ^= 0x10;
            const size_t expected = i >= after_1 ? after_1 : i >= after_version ? after_version : 0;
            CHECK(kept_event_bytes(damaged, 100) == expected);
        }
        // The largest length there is, with the right sum, must not overflow.
        std::vector<uint8_t> huge(8, 0xFF);
        append_little_endian(huge, masked_crc32c(huge), 4);
        CHECK(kept_event_bytes(huge, 100) == 0);
        CHECK(kept_event_bytes(to_bytes("a file of something else, long enough"), 100) == 0);
    }

    TEST_CASE("tensorboard: a file that grows, is cut and goes on") {
        const TemporaryFolder folder;
        const auto path = folder / "tensorboard" / "events.out.tfevents.test";
        const Image8 image{2, 2, 1, {0, 80, 160, 255}};
        const EventFile file(path);
        file.truncate(0); // nothing to cut, nothing made
        CHECK(!std::filesystem::exists(folder / "tensorboard"));
        file.add_scalars(1, {{{"loss", 0.5f}}});
        file.add_image(2, "samples", image);
        file.add_scalars(3, {{{"loss", 0.25f}}});
        const std::vector<uint8_t> whole = read_file(path);
        CHECK(kept_event_bytes(whole, 3) == whole.size());
        CHECK(embedded_png(whole) == encode_png(image));
        file.truncate(3);
        CHECK(read_file(path) == whole);

        const auto until = [&](int64_t step) {
            return std::vector<uint8_t>(whole.begin(),
                                        whole.begin() + std::ptrdiff_t(kept_event_bytes(whole, step)));
        };
        write_bytes(path, std::span(whole).first(whole.size() - 1)); // killed while writing
        file.truncate(3);
        CHECK(read_file(path) == until(2));
        file.truncate(1);
        CHECK(read_file(path) == until(1));
        file.add_scalars(2, {{{"loss", 1.f}}});
        const std::vector<uint8_t> gone_on = read_file(path);
        CHECK(kept_event_bytes(gone_on, 2) == gone_on.size());
        CHECK(gone_on.size() > until(1).size());

        write_bytes(path, to_bytes("not events"));
        file.truncate(5);
        CHECK(read_file(path).empty());
        file.add_scalars(1, {{{"loss", 0.5f}}});
        CHECK(read_file(path).size() == until(1).size());

        write_bytes(folder / "file", to_bytes("x"));
        CHECK(contains(error_of([&] { EventFile(folder / "file" / "events").add_scalars(1, {}); }),
                       (folder / "file" / "events").string()));
        CHECK(contains(error_of([&] { EventFile(folder.path()).truncate(0); }), folder.path().string()));
    }

    TEST_CASE("protobuf: fields of each kind, and damage") {
        ProtobufMessage message;
        message.add_varint(1, 300);
        message.add_double(2, 0.5);
        message.add_float(16, -1.f);
        message.add_text(3, "abc");
        message.add_varint(4, ~uint64_t{0});
        ProtobufReader reader(message.bytes());
        CHECK(reader.next()->value == 300);
        CHECK(reader.next()->value == std::bit_cast<uint64_t>(0.5));
        const auto field = reader.next();
        CHECK(field->number == 16);
        CHECK(field->value == std::bit_cast<uint32_t>(-1.f));
        const auto text = reader.next();
        CHECK(std::vector<uint8_t>(text->bytes.begin(), text->bytes.end()) == to_bytes("abc"));
        CHECK(reader.next()->value == ~uint64_t{0});
        CHECK(!reader.next());
        CHECK(reader.valid());
        for (const std::vector<uint8_t>& damaged :
             std::vector<std::vector<uint8_t>>{{0x08},
                                               {0x08, 0x80},
                                               {0x09, 1, 2},
                                               {0x0A, 5, 1},
                                               {0x0D, 1},
                                               {0x0B},
                                               {0x0F},
                                               std::vector<uint8_t>(12, 0xFF)}) {
            ProtobufReader broken(damaged);
            CHECK(!broken.next());
            CHECK(!broken.valid());
        }
    }
}
