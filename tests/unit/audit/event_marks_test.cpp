#include "relay/audit/event_marks.hpp"

#include <doctest/doctest.h>

using namespace relay;

namespace {

using Ids = std::vector<std::int64_t>;

sql::EventWriters primary(std::int64_t last, std::vector<std::string> writers) {
    return {.last_event_id = last, .writers = std::move(writers)};
}

sql::EventWriters standby(std::int64_t oldest_open, std::int64_t next) {
    return {.oldest_open = oldest_open, .next_transaction = next};
}

}  // namespace

TEST_CASE("missing numbers are looked at again only when a writer has ended") {
    EventMarks marks;
    marks.look(primary(10, {"1/1", "2/2"}));
    marks.note(0, 10, {1, 2, 4, 5, 6, 8, 9, 10});
    marks.look(primary(12, {"1/1", "2/2", "3/3"}));
    CHECK(marks.due().empty());
    marks.note(10, 12, {11, 12});

    marks.look(primary(12, {"2/2"}));
    CHECK(marks.due().size() == 1U);
    CHECK(marks.due().front().first == 3);
    CHECK(marks.due().front().last == 7);
    CHECK(marks.settle({3, 4, 5, 6}) == Ids{3});

    marks.look(primary(12, {"2/2"}));
    CHECK(marks.due().empty());
    marks.look(primary(12, {}));
    CHECK(marks.settle({7}) == Ids{7});
    marks.look(primary(12, {}));
    CHECK(marks.due().empty());
}

TEST_CASE("what no writer can still write is forgotten") {
    EventMarks marks;
    marks.look(primary(5, {"1/1"}));
    marks.note(0, 5, {5});
    marks.look(primary(5, {}));
    CHECK(marks.settle({}) == Ids{});
    CHECK(marks.due().empty());
    marks.note(5, 1'000'000'000'000, {});
    marks.look(primary(1'000'000'000'000, {}));
    CHECK(marks.due().empty());
}

TEST_CASE("late events of a standby are found, also after its promotion") {
    EventMarks marks;
    marks.look(standby(100, 105));
    marks.note(0, 4, {1, 4});
    marks.look(standby(100, 107));
    CHECK(marks.due().empty());
    marks.look(standby(103, 107));
    CHECK(marks.settle({1, 2, 4}) == Ids{2});
    marks.look(primary(4, {"prepared"}));
    CHECK(marks.due().size() == 1U);
    CHECK(marks.settle({}) == Ids{});
    marks.look(primary(4, {}));
    CHECK(marks.settle({3}) == Ids{3});
    marks.look(primary(4, {}));
    CHECK(marks.due().empty());
}
