#include "engine/data/image_files.h"
#include "tests/data/images_support.h"
#include "tests/data/support.h"
#include "tests/io/golden_images.h"

#include <doctest/doctest.h>

#if defined(HEAT_WITH_PNG)

using namespace heat;
using namespace heat::test;
namespace fs = std::filesystem;

namespace {

using Labels = std::vector<int>;
using Names = std::vector<std::string>;

size_t ignored(const ImageSource& images, const std::string& reason) {
    for (const auto& [known, count] : images.info().ignored)
        if (known == reason) return count;
    return 0;
}

std::string opening(const fs::path& path, std::string_view format = "auto") {
    return error_of([&] { open_images(path, format); });
}

std::string decoding(const fs::path& path, uint32_t index) {
    const auto images = open_images(path);
    return error_of([&] { images->decode(index); });
}

void check_picture(const ImageSource& images, uint32_t index, const Image8& expected) {
    CHECK(largest_difference(images.decode(index).image, expected) == 0);
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("image files: sub-folders are classes and what is no image is ignored and counted") {
        const TemporaryFolder folder;
        write_below(folder.path(), "dogs/2.png", make_png(4, 5, 3, 2));
        write_below(folder.path(), "dogs/1.PNG", make_png(6, 5, 1, 1));
        write_below(folder.path(), "cats/deep/down/3.jpg",
                    make_png(3, 3, 3, 3)); // a PNG in spite of its name
        write_below(folder.path(), "cats/._3.jpg", to_bytes("another system's resource fork"));
        write_below(folder.path(), "cats/Thumbs.db", to_bytes("x"));
        write_below(folder.path(), ".git/x.png", to_bytes("x"));
        write_below(folder.path(), "README", to_bytes("x"));
        write_below(folder.path(), "a.webp", to_bytes("x"));
        write_below(folder.path(), "b.webp", to_bytes("x"));
        const auto images = open_images(folder.path());
        CHECK(images->count() == 3);
        CHECK(images->info().format == "folder");
        CHECK(images->info().class_names == Names{"cats", "dogs"});
        CHECK(images->info().labels == Labels{0, 1, 1});
        CHECK(contains(images->info().description, "3 images, 2 classes, 6 other files ignored"));
        CHECK(ignored(*images, "hidden") == 2);
        CHECK(ignored(*images, ".webp") == 2);
        CHECK(ignored(*images, ".db") == 1);
        CHECK(ignored(*images, "without an extension") == 1);
        check_picture(*images, 0, make_picture(3, 3, 3, 3));
        check_picture(*images, 1, make_picture(6, 5, 1, 1));
        check_picture(*images, 2, make_picture(4, 5, 3, 2));
        CHECK(images->name(1) == (folder / "dogs/1.PNG").string());
    }

    TEST_CASE(
        "image files: images outside sub-folders have no labels and one folder around all does not count") {
        const TemporaryFolder folder;
        write_below(folder.path(), "flat/b.png", make_png(2, 2, 1, 2));
        write_below(folder.path(), "flat/a.png", make_png(2, 2, 1, 1));
        const auto flat = open_images(folder / "flat");
        CHECK(flat->info().labels.empty());
        check_picture(*flat, 0, make_picture(2, 2, 1, 1));
        CHECK(open_images(folder.path())->info().class_names == Names{"flat"});
        write_below(folder.path(), "mixed/x.png", make_png(2, 2, 1, 2));
        write_below(folder.path(), "mixed/sub/y.png", make_png(2, 2, 1, 2));
        CHECK(open_images(folder / "mixed")->info().labels.empty());
        for (const char* name : {"around/data/x/1.png", "around/data/y/1.png", "around/data/y/z/1.png"})
            write_below(folder.path(), name, make_png(2, 2, 1, 1));
        CHECK(open_images(folder / "around")->info().class_names == Names{"x", "y"});
        CHECK(open_images(folder / "around")->info().labels == Labels{0, 1, 1});
    }

    TEST_CASE("image files: links are followed and loops end") {
        const TemporaryFolder folder;
        write_below(folder.path(), "real/1.png", make_png(2, 2, 1, 1));
        fs::create_directory(folder / "set");
        fs::create_directory_symlink(folder / "real", folder / "set/a");
        fs::create_directory_symlink(folder / "set", folder / "set/b");
        fs::create_directory_symlink(folder / "real", folder / "set/c");
        const auto images = open_images(folder / "set");
        CHECK(images->count() == 1);
        CHECK(images->info().class_names == Names{"a"});
        CHECK(ignored(*images, "a link to a folder that is there already") == 2);
        fs::create_symlink("nowhere", folder / "set/x.png");
        CHECK(contains(decoding(folder / "set", 1), "x.png: No such file"));
        fs::create_symlink("x.png", folder / "set/y.png"); // and one to itself
        fs::create_symlink("z.png", folder / "set/z.png");
        CHECK(contains(decoding(folder / "set", 3), "z.png: "));
    }

    TEST_CASE("image files: a folder of IDX or CIFAR-10 files is that unless the format says images") {
        const TemporaryFolder folder;
        write_below(folder.path(), "a.png", make_png(2, 2, 1, 1));
        write_below(folder.path(), "train-images-idx3-ubyte", make_idx_images(4, 2, 3));
        CHECK(open_images(folder.path())->info().format == "IDX");
        CHECK(open_images(folder.path(), "images")->info().format == "folder");
        const auto idx = open_images(folder.path());
        CHECK(idx->decode(1).image.pixels == std::vector<uint8_t>{19, 22, 25, 28, 31, 34});
        CHECK(contains(error_of([&] { idx->decode(4); }), "image 4 was asked of a data set of 4"));
        CHECK(contains(opening(folder.path(), "jpeg"),
                       "'jpeg' is not known: expected auto, idx, cifar10 or images"));
    }

    TEST_CASE("image files: folders without images and paths that do not exist are refused") {
        const TemporaryFolder folder;
        CHECK(contains(opening(folder.path()), "found nothing"));
        write_below(folder.path(), "x/a.webp", to_bytes("x"));
        write_below(folder.path(), "x/b.gif", to_bytes("x"));
        CHECK(contains(opening(folder.path()), "found 1 .gif, 1 .webp"));
        CHECK(contains(opening(folder / "no"), "no data set at"));
        CHECK(contains(opening(folder / "no", "images"), "no images at"));
        CHECK(contains(opening(folder / "no.zip"), "no data set at"));
    }

    TEST_CASE("image files: a file that cannot be decoded is named") {
        const TemporaryFolder folder;
        write_below(folder.path(), "a/1.png", make_png(2, 2, 1, 1));
        write_below(folder.path(), "a/2.png", to_bytes("GIF89a"));
        write_below(folder.path(), "a/3.png", {});
        std::vector<uint8_t> half = make_png(9, 9, 3, 1);
        half.resize(half.size() / 2);
        write_below(folder.path(), "a/4\n.png", half);
        CHECK(decoding(folder.path(), 0).empty());
        CHECK(contains(decoding(folder.path(), 1),
                       (folder / "a/2.png").string() + ": expected a PNG or JPEG image, got"));
        CHECK(contains(decoding(folder.path(), 2), "3.png: expected a PNG or JPEG image, the file is empty"));
        CHECK(contains(decoding(folder.path(), 3), "4\\x0a.png: the PNG is cut off"));
    }

    TEST_CASE("dataset.json: labels come from it and not from the folders") {
        const TemporaryFolder folder;
        for (const char* name : {"00000/img00000000.png", "00000/img00000001.png", "00001/img00001000.png"})
            write_below(folder.path(), name, make_png(2, 2, 3, name[20]));
        const auto with = [&](std::string_view json) {
            write_below(folder.path(), "dataset.json", to_bytes(json));
            return opening(folder.path());
        };
        CHECK(open_images(folder.path())->info().format == "EDM folder");
        CHECK(open_images(folder.path())->info().labels.empty());
        CHECK(with(R"({"labels": [["00001/img00001000.png", 7], ["00000/img00000001.png", 0],
                                  ["00000/img00000000.png", 3]]})")
                  .empty());
        CHECK(open_images(folder.path())->info().labels == Labels{3, 0, 7});
        CHECK(contains(open_images(folder.path())->info().description, "labels 0 to 7 (EDM folder"));
        CHECK(with(R"({"labels": null})").empty());
        CHECK(open_images(folder.path())->info().labels.empty());
        CHECK(with(R"({"made by": "another program"})").empty());
        CHECK(open_images(folder.path())->info().labels == Labels{0, 0, 1});

        CHECK(contains(with(""),
                       "dataset.json: expected a JSON object with \"labels\", got 0 bytes that are no JSON"));
        CHECK(contains(with("{\"labels\": [["), "that are no JSON"));
        CHECK(contains(with("[1, 2]"), "got [1,2]"));
        CHECK(contains(with(R"({"labels": 3})"), "null or an array of [name, label], got 3"));
        CHECK(contains(with(R"({"labels": [["00000/img00000000.png"]]})"),
                       "expected a pair [name, label], got"));
        CHECK(contains(with(R"({"labels": [[1, 2]]})"), "expected a pair [name, label], got [1,2]"));
        for (const char* label :
             {"1.5", "-1", "true", "\"3\"", "null", "[1]", "3000000000", "1e30", "18446744073709551615"})
            CHECK(contains(with(R"({"labels": [["00000/img00000000.png", )" + std::string(label) + "]]}"),
                           "expected an integer from 0 as the label of 00000/img00000000.png, got "));
        CHECK(contains(with(R"({"labels": [["00000/no\n.png", 1]]})"),
                       "names 00000/no\\x0a.png, which is not among the 3"));
        CHECK(contains(with(R"({"labels": [["00000/img00000000.png", 1], ["00000/img00000000.png", 1]]})"),
                       "twice"));
        CHECK(contains(with(R"({"labels": [["00000/img00000001.png", 1]]})"),
                       "no label for 2 of the 3 images, the first 00000/img00000000.png"));
        CHECK(contains(with(R"({"labels": [[)" + std::string(100000, '[') + std::string(100000, ']') + "]]}"),
                       "expected a pair"));
    }

#if defined(HEAT_WITH_LIBZIP)
    TEST_CASE("image files: a zip file is as its folder") {
        const TemporaryFolder folder;
        std::vector<ZipEntry> entries{{"set/", {}}, {"__MACOSX/set/b/._1.png", to_bytes("x")}};
        entries.push_back({"./set\\b\\0.png", make_png(3, 4, 3, 9)}); // as some programs write names
        write_below(folder / "unpacked", "set/b/0.png", entries.back().content);
        for (const auto& [name, seed] :
             {std::pair{"set/b/1.png", 1}, {"set/a/2.png", 2}, {"set/a/1.png", 3}}) {
            entries.push_back({name, make_png(3, 4, 3, seed)});
            write_below(folder / "unpacked", name, entries.back().content);
        }
        write_bytes(folder / "set.zip", make_zip(entries));
        write_bytes(folder / "no extension", make_zip(entries));
        const auto unpacked = open_images(folder / "unpacked");
        for (const char* name : {"set.zip", "no extension"}) {
            const auto zip = open_images(folder / name);
            CHECK(zip->info().format == "zip");
            CHECK(zip->info().labels == Labels{0, 0, 1, 1});
            CHECK(zip->info().class_names == unpacked->info().class_names);
            CHECK(ignored(*zip, "hidden") == 1);
            for (uint32_t i = 0; i < 4; ++i) check_picture(*zip, i, unpacked->decode(i).image);
            CHECK(contains(zip->name(0), ": set/a/1.png"));
        }
    }

#if defined(HEAT_WITH_JPEG)
    TEST_CASE("image files: a zip file of Python's zipfile, stored and deflated") {
        const auto images = open_images(golden_image_path("classes.zip"));
        CHECK(images->info().class_names == Names{"a", "b"});
        CHECK(images->info().labels == Labels{0, 0, 1});
        CHECK(ignored(*images, ".txt") == 1);
        CHECK(largest_difference(images->decode(0).image, golden_pixels("grey.jpg")) <= 1);
        check_picture(*images, 1, golden_pixels("grey8.png"));
        check_picture(*images, 2, golden_pixels("rgb8.png"));
    }
#endif

    TEST_CASE("image files: EDM's zip file") {
        const TemporaryFolder folder;
        write_bytes(folder / "edm.zip",
                    make_zip({{"00000/img00000000.png", make_png(8, 8, 3, 1)},
                              {"00000/img00000001.png", make_png(8, 8, 3, 2)},
                              {"dataset.json", to_bytes(R"({"labels": [["00000/img00000000.png", 3],
                                                                       ["00000/img00000001.png", 1]]})")}}));
        const auto images = open_images(folder / "edm.zip");
        CHECK(images->info().format == "EDM zip");
        CHECK(images->info().labels == Labels{3, 1});
        check_picture(*images, 1, make_picture(8, 8, 3, 2));
    }

    TEST_CASE("image files: bad zip files are refused with archive and entry") {
        const TemporaryFolder folder;
        const auto zip = [&](const std::vector<ZipEntry>& entries) {
            write_bytes(folder / "x.zip", make_zip(entries));
            return folder / "x.zip";
        };
        const std::vector<uint8_t> png = make_png(3, 3, 1, 1);
        CHECK(contains(opening(zip({})), "x.zip holds no data set"));
        CHECK(contains(opening(zip({{"a.txt", png}})), "found 1 .txt"));
        CHECK(contains(decoding(zip({{"a/b.png", png, true}}), 0), "x.zip: a/b.png: the entry is encrypted"));
        CHECK(contains(decoding(zip({{"a.png", png, false, 0xFFFFFF00}}), 0), "x.zip: a.png: "));
        CHECK(contains(decoding(zip({{"a.png", png, false, 300 << 20}}), 0),
                       "x.zip: a.png: the entry unpacks to 314572800 bytes"));
        CHECK(contains(decoding(zip({{"a.png", {}}}), 0),
                       "x.zip: a.png: expected a PNG or JPEG image, the file is empty"));
        CHECK(decoding(zip({{"../../etc/a.png", png}}), 0).empty()); // a name, never a path
        std::vector<uint8_t> bytes = make_zip({{"a.png", png}});
        bytes[40] ^= 1; // within the PNG: the CRC of the archive sees it first
        write_bytes(folder / "x.zip", bytes);
        CHECK(contains(decoding(folder / "x.zip", 0), "the entry is damaged"));
        for (const char* text : {"", "PK\3\4", "no zip file at all, only its name"}) {
            write_bytes(folder / "x.zip", to_bytes(text));
            CHECK(contains(opening(folder / "x.zip"), "x.zip"));
        }
    }

    TEST_CASE("image files: zip files cut off or changed anywhere never crash") {
        const TemporaryFolder folder;
        const std::vector<uint8_t> good =
            make_zip({{"a/1.png", make_png(3, 3, 1, 1)}, {"b/1.png", make_png(2, 3, 3, 2)}});
        const auto use = [&](std::span<const uint8_t> bytes) {
            write_bytes(folder / "x.zip", bytes);
            return error_of([&] {
                const auto images = open_images(folder / "x.zip");
                for (int i = 0; i < images->count(); ++i) images->decode(uint32_t(i));
            });
        };
        CHECK(use(good).empty());
        for (size_t size = 0; size < good.size(); ++size)
            CHECK(contains(use(std::span(good).first(size)), "x.zip"));
        for (size_t at = 0; at < good.size(); ++at) {
            std::vector<uint8_t> altered = good;
            altered[at] ^= 0x41;
            CHECK_FALSE(use(altered).starts_with("more than one line"));
        }
    }
#endif

} // TEST_SUITE

#endif
