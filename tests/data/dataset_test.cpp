#include "engine/data/dataset.h"
#include "tests/data/support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

using namespace heat;
using namespace heat::test;
namespace fs = std::filesystem;

namespace {

/// nullptr, said in the log, when the real data sets are not at hand.
const char* real_data() {
    const char* folder = std::getenv("HEAT_ENGINE_DATA");
    if (folder == nullptr)
        MESSAGE(
            "skipped: set HEAT_ENGINE_DATA to a folder with mnist/ and cifar10/ to run this on real data");
    return folder;
}

} // namespace

TEST_SUITE("data") {

    TEST_CASE("dataset: files are recognised by their content or name") {
        const TemporaryFolder folder;
        write_bytes(folder / "anything", make_idx_images(2, 3, 4));
        CHECK(load_dataset(folder / "anything").width == 4);
        CHECK(load_dataset(folder / "anything", "idx").width == 4);
        write_bytes(folder / "batch.bin", make_cifar10(std::vector<uint8_t>{4, 5}));
        CHECK(load_dataset(folder / "batch.bin").count == 2);
        write_bytes(folder / "batch", make_cifar10(std::vector<uint8_t>{4, 5}));
        CHECK(load_dataset(folder / "batch", "cifar10").labels == std::vector<int>{4, 5});
    }

    TEST_CASE("dataset: a folder of IDX files") {
        const TemporaryFolder folder;
        write_bytes(folder / "t10k-images-idx3-ubyte", make_idx_images(9, 2, 2));
        write_bytes(folder / "train-images-idx3-ubyte", make_idx_images(2, 3, 4));
        write_bytes(folder / "train-labels-idx1-ubyte", make_idx_labels(std::vector<uint8_t>{8, 1}));
        const Dataset dataset = load_dataset(folder.path());
        CHECK(dataset.count == 2);
        CHECK(dataset.labels == std::vector<int>{8, 1});
        CHECK(load_dataset(folder.path(), "idx").count == 2);
        CHECK(contains(error_of([&] { load_dataset(folder.path(), "cifar10"); }),
                       "holds no data set (format cifar10)"));
    }

    TEST_CASE("dataset: a folder of CIFAR-10 batches in the order of their names and each once") {
        const TemporaryFolder folder;
        write_bytes(folder / "data_batch_2.bin", make_cifar10(std::vector<uint8_t>{2}));
        write_bytes(folder / "data_batch_1.bin", make_cifar10(std::vector<uint8_t>{1, 9}));
        write_bytes(folder / "data_batch_2.bin.gz", to_bytes("the same batch, not to be read twice"));
        write_bytes(folder / "test_batch.bin", make_cifar10(std::vector<uint8_t>{7}));
        write_bytes(folder / "readme.html", to_bytes("x"));
        CHECK(load_dataset(folder.path()).labels == std::vector<int>{1, 9, 2});
    }

#if defined(HEAT_WITH_ZLIB) && HEAT_WITH_ZLIB
    TEST_CASE("dataset: compressed files are read alike") {
        const TemporaryFolder folder;
        fs::create_directory(folder / "idx");
        fs::create_directory(folder / "cifar");
        write_bytes(folder / "idx/train-images-idx3-ubyte.gz", make_gzip(make_idx_images(2, 3, 4)));
        write_bytes(folder / "idx/train-labels-idx1-ubyte.gz",
                    make_gzip(make_idx_labels(std::vector<uint8_t>{8, 1})));
        write_bytes(folder / "cifar/data_batch_1.bin.gz", make_gzip(make_cifar10(std::vector<uint8_t>{3})));
        CHECK(load_dataset(folder / "idx").labels == std::vector<int>{8, 1});
        CHECK(load_dataset(folder / "idx/train-images-idx3-ubyte.gz").pixels ==
              load_dataset(folder / "idx").pixels);
        CHECK(load_dataset(folder / "cifar").labels == std::vector<int>{3});
        CHECK(load_dataset(folder / "cifar/data_batch_1.bin.gz").count == 1);
    }
#endif

    TEST_CASE("dataset: what is no data set is refused with what was expected and what came") {
        const TemporaryFolder folder;
        const std::string missing = error_of([&] { load_dataset(folder / "no"); });
        CHECK(contains(missing, (folder / "no").string()));
        CHECK(contains(missing, "No such file"));
        const std::string nothing = error_of([&] { load_dataset(folder.path()); });
        CHECK(contains(nothing, "train-images-idx3-ubyte"));
        CHECK(contains(nothing, "data_batch_"));
        CHECK(contains(nothing, "found nothing"));
        for (const char* name : {"a.txt", "b.txt", "c.txt", "d.txt", "e.txt"})
            write_bytes(folder / name, to_bytes("hello"));
        CHECK(contains(error_of([&] { load_dataset(folder.path()); }),
                       "found a.txt, b.txt, c.txt, d.txt, ..."));
        CHECK(contains(error_of([&] { load_dataset(folder / "a.txt"); }),
                       "got 5 bytes that begin 68 65 6c 6c"));
        write_bytes(folder / "empty", {});
        CHECK(contains(error_of([&] { load_dataset(folder / "empty"); }), "got 0 bytes"));
        write_bytes(folder / "labels", make_idx_labels(std::vector<uint8_t>{1}));
        CHECK(contains(error_of([&] { load_dataset(folder / "labels"); }), "a labels file"));
        CHECK(contains(error_of([&] { load_dataset(folder / "a.txt", "jpeg"); }), "'jpeg' is not known"));

        write_bytes(folder / "train-images-idx3-ubyte", make_idx_images(1, 2, 2));
        write_bytes(folder / "data_batch_1.bin", make_cifar10(std::vector<uint8_t>{1}));
        CHECK(contains(error_of([&] { load_dataset(folder.path()); }), "both an IDX and a CIFAR-10"));
        CHECK(load_dataset(folder.path(), "idx").channels == 1);
        CHECK(load_dataset(folder.path(), "cifar10").channels == 3);
    }

    TEST_CASE("dataset: the real MNIST") {
        const char* folder = real_data();
        if (folder == nullptr) return;
        const Dataset train = load_dataset(fs::path(folder) / "mnist");
        CHECK(train.count == 60000);
        CHECK(train.height == 28);
        CHECK(train.width == 28);
        CHECK(train.channels == 1);
        REQUIRE(train.labels.size() == 60000);
        CHECK(std::vector<int>(train.labels.begin(), train.labels.begin() + 10) ==
              std::vector<int>{5, 0, 4, 1, 9, 2, 1, 3, 1, 4});
        double sum = 0;
        for (const uint8_t pixel : train.pixels) sum += pixel;
        CHECK(sum / double(train.pixels.size()) / 255 ==
              doctest::Approx(0.1306604762738429)); // the well-known mean
        const Dataset test = load_dataset(fs::path(folder) / "mnist/t10k-images-idx3-ubyte.gz");
        CHECK(test.count == 10000);
        CHECK(std::vector<int>(test.labels.begin(), test.labels.begin() + 10) ==
              std::vector<int>{7, 2, 1, 0, 4, 1, 4, 9, 5, 9});
    }

    TEST_CASE("dataset: the real CIFAR-10") {
        const char* folder = real_data();
        if (folder == nullptr) return;
        const fs::path path = fs::path(folder) / "cifar10";
        const Dataset first = load_dataset(path / "data_batch_1.bin.gz");
        CHECK(first.count == 10000);
        CHECK(std::vector<int>(first.labels.begin(), first.labels.begin() + 10) ==
              std::vector<int>{6, 9, 9, 4, 1, 1, 2, 7, 8, 3});
        REQUIRE(first.pixels.size() == 10000u * 3072);
        CHECK(std::vector<uint8_t>(first.pixels.begin(), first.pixels.begin() + 3) ==
              std::vector<uint8_t>{59, 62, 63});
        const Dataset all = load_dataset(path);
        CHECK(all.count % 10000 == 0);
        CHECK(std::equal(first.pixels.begin(), first.pixels.end(), all.pixels.begin()));
    }

} // TEST_SUITE
