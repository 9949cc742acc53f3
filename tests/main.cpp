#define DOCTEST_CONFIG_IMPLEMENT
#include "kernels/math_mode.h"

#include <doctest/doctest.h>

int main(int argc, char** argv) {
    // What the tests allow f32 is less than TF32 needs, which is a GPU's default; tests of that set it
    // themselves.
    heat::kernels::set_math_mode({.tf32 = false});
    doctest::Context context(argc, argv);
    return context.run();
}
