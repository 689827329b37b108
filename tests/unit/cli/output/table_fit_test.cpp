#include "cli/output/table_fit.hpp"

#include <doctest/doctest.h>

using namespace relay::cli;

namespace {

using Places = std::vector<std::size_t>;

ColumnNeed plain(std::size_t width, Room room = {}) {
    return {.widths = {width, width, width}, .header = 2, .room = room};
}
ColumnNeed time_column(Room room) { return {.widths = {36, 20, 14}, .header = 7, .room = room}; }
ColumnNeed blank_column() { return {.widths = {9, 9, 9}, .header = 9, .empty = true}; }

/// An id, a name, a state, two times: an agent.
std::vector<ColumnNeed> agent(std::size_t name) {
    return {plain(18), plain(name, {.cut = true}), plain(7), time_column({.leaves = 3}), time_column({.leaves = 1})};
}

std::size_t total(TableFit const &fit) {
    std::size_t sum = column_gap * (fit.widths.size() - 1);
    for (std::size_t const width : fit.widths) {
        sum += width;
    }
    return sum;
}

}  // namespace

TEST_CASE("if everything fits, it is shown whole, even columns without content") {
    std::vector<ColumnNeed> columns = agent(30);
    columns.push_back(blank_column());
    auto const fit = fit_table(columns, 200);
    REQUIRE(fit);
    CHECK(fit->form == TimeForm::both);
    CHECK(fit->shown == Places{0, 1, 2, 3, 4, 5});
    CHECK(fit->widths == Places{18, 30, 7, 36, 36, 9});
    CHECK(fit->left_out.empty());
}

TEST_CASE("columns without content are dropped first, without a note") {
    std::vector<ColumnNeed> columns = agent(30);
    columns.insert(columns.begin(), blank_column());
    auto const fit = fit_table(columns, 18 + 30 + 7 + 36 + 36 + 8);
    REQUIRE(fit);
    CHECK(fit->shown == Places{1, 2, 3, 4, 5});
    CHECK(fit->form == TimeForm::both);
    CHECK(fit->left_out.empty());
}

TEST_CASE("then instants get shorter and texts are cut") {
    auto const absolute = fit_table(agent(30), 100);
    REQUIRE(absolute);
    CHECK(absolute->form == TimeForm::absolute);
    CHECK(absolute->widths == Places{18, 27, 7, 20, 20});
    auto const relative = fit_table(agent(30), 80);
    REQUIRE(relative);
    CHECK(relative->form == TimeForm::relative);
    CHECK(relative->widths == Places{18, 19, 7, 14, 14});
    CHECK(total(*relative) == 80);
}

TEST_CASE("then columns are dropped, those with the highest number first, and the others get the room") {
    auto const fit = fit_table(agent(30), 70);
    REQUIRE(fit);
    CHECK(fit->shown == Places{0, 1, 2, 4});
    CHECK(fit->left_out == Places{3});
    CHECK(fit->form == TimeForm::absolute);
    CHECK(fit->widths == Places{18, 19, 7, 20});
}

TEST_CASE("ids and states are never cut") {
    for (std::size_t width = 1; width < 250; ++width) {
        auto const fit = fit_table(agent(60), width);
        if (fit) {
            CHECK(total(*fit) <= width);
            CHECK(fit->widths[0] == 18);
            CHECK(fit->widths[2] == 7);
        } else {
            CHECK(width < 60);
        }
    }
}

TEST_CASE("a narrow screen that would lose content gets no table, one that loses none does") {
    CHECK_FALSE(fit_table(agent(30), 59));
    CHECK(fit_table({plain(12), plain(20, {.cut = true}), plain(7)}, 40));
    CHECK_FALSE(fit_table({plain(63), plain(20, {.cut = true}), plain(7)}, 79));
    CHECK(fit_table({plain(63), plain(20, {.cut = true}), plain(7)}, 82)->widths == Places{63, 8, 7});
}

TEST_CASE("the widest text gives way first, but no header is cut") {
    auto const fit = fit_table({plain(10), plain(40, {.cut = true}), plain(20, {.cut = true})}, 60);
    REQUIRE(fit);
    CHECK(fit->widths == Places{10, 26, 20});
    ColumnNeed titled = plain(40, {.cut = true});
    titled.header = 20;
    CHECK_FALSE(fit_table({plain(30), titled}, 51));
    CHECK(fit_table({plain(30), titled}, 52)->widths == Places{30, 20});
}
