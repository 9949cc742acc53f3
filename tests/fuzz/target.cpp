// libFuzzer's entry for the reader named HEAT_FUZZ_READER.

#include "tests/fuzz/readers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const heat::fuzz::Reader& reader = heat::fuzz::reader_named(HEAT_FUZZ_READER);
    reader.read({data, size});
    return 0;
}
