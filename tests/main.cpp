#define DOCTEST_CONFIG_IMPLEMENT
#include "kernels/math_mode.h"
#include "kernels/memory.h"

#include <doctest/doctest.h>

#include <cstdio>

int main(int argc, char** argv) {
#if defined(HEAT_WITH_CUDA)
    // Cases that take every device there is say nothing of one that there is not.
    if (heat::kernels::cuda_device_count() == 0)
        std::fprintf(stderr, "tests: nothing runs on a GPU here: %s\n",
                     heat::kernels::cuda_description().c_str());
#endif
    // What the tests allow f32 is less than TF32 needs, which is a GPU's default; tests of that set it
    // themselves.
    heat::kernels::set_math_mode({.tf32 = false});
    return doctest::Context(argc, argv).run();
}
