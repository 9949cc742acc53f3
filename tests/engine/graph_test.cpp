#include "engine/graph.h"
#include "engine/profiler.h"
#include "engine/tensor.h"
#include "tests/engine/capture_stub.h"

#include <doctest/doctest.h>

using namespace heat;
using heat::test::CaptureStub;

namespace {

/// A piece of work that counts its executions, under a graph's state machine.
struct Counted {
    CaptureStub stub;
    std::vector<std::string> remarks;
    std::shared_ptr<MemoryReservation> memory = std::make_shared<MemoryReservation>(Device::cpu);
    GraphedWork graphed{"the work", options(), memory};
    int executed = 0, prepared = 0;
    std::function<void()> extra;

    GraphOptions options() {
        return {
            .wanted = true, .remark = [this](const std::string& r) { remarks.push_back(r); }, .calls = &stub};
    }
    void run(const std::vector<int64_t>& key) {
        graphed.run(
            key,
            [this] {
                ++executed;
                if (extra) extra();
            },
            [this] { ++prepared; });
    }
};

} // namespace

TEST_SUITE("engine") {

    TEST_CASE("graph: eager runs first, then one capture, then launches") {
        Counted work;
        for (int i = 0; i < GraphedWork::eager_runs; ++i) work.run({4, 28});
        CHECK(work.stub.log == "");
        CHECK_FALSE(work.graphed.captured());
        CHECK(work.prepared == 0);
        work.run({4, 28});
        CHECK(work.stub.log == "begin end launch1 ");
        CHECK(work.prepared == 1);
        work.run({4, 28});
        work.run({4, 28});
        CHECK(work.stub.log == "begin end launch1 launch1 launch1 ");
        CHECK(work.executed == GraphedWork::eager_runs + 1); // the captured one is recorded, not repeated
        CHECK(work.prepared == 1);
        CHECK(work.remarks.empty());
    }

    TEST_CASE("graph: another key drops it and begins anew") {
        Counted work;
        for (int i = 0; i < 4; ++i) work.run({4});
        work.run({5});
        CHECK(work.stub.log == "begin end launch1 launch1 destroy1 ");
        CHECK(work.executed == 4);
        work.run({4}); // what was, is forgotten
        work.run({4});
        CHECK(work.stub.live == 0);
        work.run({4});
        CHECK(work.stub.log == "begin end launch1 launch1 destroy1 begin end launch2 ");
        CHECK(work.stub.live == 1);
    }

    TEST_CASE("graph: it is destroyed with its owner") {
        CaptureStub stub;
        {
            GraphedWork graphed("the work", {.wanted = true, .remark = {}, .calls = &stub},
                                std::make_shared<MemoryReservation>(Device::cpu));
            for (int i = 0; i < 3; ++i) graphed.run({}, [] {});
            CHECK(stub.live == 1);
        }
        CHECK(stub.live == 0);
    }

    TEST_CASE("graph: what cannot be captured runs eagerly, with one remark") {
        Counted work;
        work.extra = [&] {
            if (work.stub.recording) throw Error("a copy waits for the device");
        };
        for (int i = 0; i < 5; ++i) work.run({});
        CHECK(work.stub.log == "begin abandon ");
        CHECK(work.executed == 6); // one of them was recorded in vain
        CHECK(work.prepared == 2); // before it, and before the run that takes its place
        CHECK_FALSE(work.graphed.active());
        REQUIRE(work.remarks.size() == 1);
        CHECK(work.remarks[0] ==
              "the work runs without a CUDA graph, which is slower: a copy waits for the device");
    }

    TEST_CASE("graph: an end that fails, and errors of the work itself") {
        Counted work;
        work.stub.fail_at_end = true;
        for (int i = 0; i < 4; ++i) work.run({});
        CHECK(work.stub.log == "begin end abandon ");
        CHECK(work.executed == 5);
        CHECK(work.remarks.size() == 1);

        Counted other;
        other.extra = [] { throw Error("network: expected something else"); };
        CHECK_THROWS_WITH_AS(other.run({}), "network: expected something else", Error);

        Counted interrupted; // by what is no Error: nothing is left open, and it may be tried again
        for (int i = 0; i < 2; ++i) interrupted.run({});
        interrupted.extra = [] { throw 130; };
        CHECK_THROWS_AS(interrupted.run({}), int);
        CHECK(interrupted.stub.log == "begin abandon ");
        CHECK(interrupted.remarks.empty());
        interrupted.extra = nullptr;
        interrupted.run({});
        CHECK(interrupted.graphed.captured());
    }

    TEST_CASE("graph: memory of one that failed or was dropped is there for the eager runs after it") {
        constexpr size_t size = 5 << 20;
        for (const bool fails : {true, false}) {
            release_cached_memory(Device::cpu);
            Counted work;
            work.extra = [&] {
                const Storage block = allocate(Device::cpu, size);
                if (fails && work.stub.recording) throw Error("it cannot be captured");
            };
            for (int i = 0; i < 2; ++i) work.run({1}); // eager
            const int64_t reserved = memory_statistics(Device::cpu).reserved;
            work.run({1});                             // captured, or recorded in vain and run
            for (int i = 0; i < 2; ++i) work.run({2}); // drops the graph, if there is one
            CHECK(memory_statistics(Device::cpu).reserved == reserved);
            CHECK(reserved >= int64_t(size));
        }
    }

    TEST_CASE("graph: unwanted, on the CPU, and while a profile is recorded it is not captured") {
        CaptureStub stub;
        const auto memory = std::make_shared<MemoryReservation>(Device::cpu);
        GraphedWork unwanted("the work", {.wanted = false, .remark = {}, .calls = &stub}, memory),
            on_cpu("the work", {}, memory),
            profiled("the work", {.wanted = true, .remark = {}, .calls = &stub}, memory);
        int executed = 0;
        for (int i = 0; i < 4; ++i) unwanted.run({}, [&] { ++executed; });
        for (int i = 0; i < 4; ++i) on_cpu.run({}, [&] { ++executed; });
        CHECK(executed == 8);
        Profiler::start();
        for (int i = 0; i < 4; ++i) profiled.run({}, [&] { ++executed; });
        (void)Profiler::stop();
        CHECK(executed == 12);
        CHECK(stub.log == "");
        for (int i = 0; i < 3; ++i) profiled.run({}, [&] { ++executed; });
        CHECK(stub.log == "begin end launch1 ");
    }

    TEST_CASE("graph: letting go of memory from outside while capturing is noticed") {
        Counted work;
        Tensor outside(Shape{1000}, Dtype::f32, Device::cpu);
        work.extra = [&] {
            const Tensor own(Shape{1000}, Dtype::f32, Device::cpu); // comes and goes: no harm
            if (work.stub.recording) outside = Tensor();
        };
        for (int i = 0; i < 4; ++i) work.run({});
        CHECK(work.stub.log == "begin end abandon destroy1 ");
        REQUIRE(work.remarks.size() == 1);
        CHECK(work.remarks[0].find("memory from outside was let go of in it") != std::string::npos);
        CHECK(work.executed == 5);
    }

    TEST_CASE("memory reservation: blocks stay with it, come from the pool first, and return at its end") {
        release_cached_memory(Device::cpu);
        constexpr size_t size = 3 << 20;
        std::byte* freed = nullptr;
        {
            const Storage block = allocate(Device::cpu, size);
            freed = block.get();
        }
        const MemoryStatistics before = memory_statistics(Device::cpu);
        Storage survivor;
        {
            MemoryReservation reservation(Device::cpu);
            {
                const MemoryReservation::Scope scope(reservation);
                CHECK_THROWS_AS(const MemoryReservation::Scope second(reservation), Error);
                Storage a = allocate(Device::cpu, size);
                CHECK(a.get() == freed); // what the eager steps left
                a = nullptr;
                const Storage again = allocate(Device::cpu, size);
                CHECK(again.get() == freed);
                survivor = allocate(Device::cpu, size);
                CHECK(survivor.get() != freed);
            }
            CHECK_FALSE(reservation.broken());
            CHECK(reservation.bytes() >= int64_t(2 * size));
            CHECK(memory_statistics(Device::cpu).in_use == before.in_use + reservation.bytes());
            const Storage stranger =
                allocate(Device::cpu, size); // `freed` is free on the host, but a graph's
            CHECK(stranger.get() != freed);
            CHECK(stranger.get() != survivor.get());
        }
        std::byte* const kept = survivor.get();
        const Storage taken = allocate(Device::cpu, size);
        CHECK(taken.get() != kept); // not free as long as somebody holds it
        survivor = nullptr;
        CHECK(allocate(Device::cpu, size).get() == kept);
        CHECK(memory_statistics(Device::cpu).in_use ==
              before.in_use + int64_t(size)); // a size class of its own
    }
}

TEST_SUITE("slow") { // not slow, but AddressSanitizer ends the program at such a request

    TEST_CASE("memory: too much is refused with what was asked, what is in use and what to lower") {
        std::string message;
        try {
            (void)allocate(Device::cpu, size_t(1) << 62);
        } catch (const Error& error) {
            message = error.what();
        }
        CHECK(message.find("4398046511104 MiB") != std::string::npos);
        CHECK(message.find("are in use") != std::string::npos);
        CHECK(message.find("train.batch") != std::string::npos);
        CHECK(message.find("--batch or -n") != std::string::npos);
    }
}
