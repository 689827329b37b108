#include "relay/replication/standby_names.hpp"

#include <doctest/doctest.h>

using namespace relay;
using Names = std::vector<std::string>;

TEST_CASE("the names in synchronous_standby_names, in each of its forms") {
    CHECK(synchronous_standby_names("") == Names());
    CHECK(synchronous_standby_names("  ") == Names());
    CHECK(synchronous_standby_names("a") == Names{"a"});
    CHECK(synchronous_standby_names("*") == Names{"*"});
    CHECK(synchronous_standby_names("a, b ,c") == Names{"a", "b", "c"});
    CHECK(synchronous_standby_names("1 (a)") == Names{"a"});
    CHECK(synchronous_standby_names("FIRST 2 (a, b, *)") == Names{"a", "b", "*"});
    CHECK(synchronous_standby_names("any 1(a,b)") == Names{"a", "b"});
    CHECK(synchronous_standby_names("1, 2") == Names{"1", "2"});
}

TEST_CASE("a quoted name may hold what else would end it") {
    CHECK(synchronous_standby_names(R"x("db-1", "b ""2"", (c)")x") == Names{"db-1", R"x(b "2", (c))x"});
    CHECK(synchronous_standby_names(R"x(ANY 1 ("FIRST 1 (x)","y"))x") == Names{"FIRST 1 (x)", "y"});
    CHECK(synchronous_standby_names("\"left open") == Names{"left open"});
    CHECK(synchronous_standby_names("\"") == Names{""});
}

TEST_CASE("names are the same in either case") {
    CHECK(same_standby_name("Standby1", "sTANDBY1"));
    CHECK_FALSE(same_standby_name("standby1", "standby"));
    CHECK_FALSE(same_standby_name("standby", "standby1"));
    CHECK_FALSE(same_standby_name("a[", "a{"));
}
