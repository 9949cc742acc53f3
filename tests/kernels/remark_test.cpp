#include "kernels/math_mode.h"
#include "kernels/remark.h"

#include <doctest/doctest.h>

#include <vector>

namespace heat::kernels {
namespace {

std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
}

} // namespace

TEST_SUITE("kernels") {
    TEST_CASE("remark: each topic is told once to a writer") {
        lines().clear();
        set_remark_writer([](const std::string& line) { lines().push_back(line); });
        remark_once("a", "first");
        remark_once("a", "second");
        remark_once("b", "third");
        set_remark_writer(nullptr);
        CHECK(lines() == std::vector<std::string>{"first", "third"});
    }

    TEST_CASE("math mode: what is set is what is read") {
        const MathMode before = math_mode();
        set_math_mode({.tf32 = false, .deterministic = true});
        CHECK_FALSE(math_mode().tf32);
        CHECK(math_mode().deterministic);
        set_math_mode(before);
        CHECK(math_mode() == before);
        CHECK(MathMode{}.tf32);
        CHECK_FALSE(MathMode{}.deterministic);
    }
}

} // namespace heat::kernels
