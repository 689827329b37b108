#include "cli/input/permission_list.hpp"

#include "relay/model/error.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

using Texts = std::vector<std::string>;

TEST_CASE("lists of permissions are read in each form") {
    Texts const two{"stripe:pay", "x:y"};
    for (char const *text : {"stripe:pay,x:y", "stripe:pay; x:y", "stripe:pay x:y", R"(["stripe:pay","x:y"])",
                             "{stripe:pay,x:y}", R"({"stripe:pay",x:y})", R"({stripe:pay,"x\:y"})"}) {
        CHECK_MESSAGE(read_permission_list(text) == two, text);
    }
    CHECK(read_permission_list(R"({"a b","c\"d\\e,f"})") == Texts{"a b", R"(c"d\e,f)"});
    for (char const *empty : {"{}", "[]", "{ }", ","}) {
        CHECK_MESSAGE(read_permission_list(empty).empty(), empty);
    }
}

TEST_CASE("other objects and arrays are refused") {
    for (char const *text : {R"({"a": 1})", R"({"a:b": true})", "[1]", R"([["a:b"]])", "{{a:b},{c:d}}", "{a:b,NULL}",
                             "{a:b,}", "{,a:b}", "{a:b", R"({"a:b)", R"({"a:b"x})", "[a:b]", R"({a"b})"}) {
        CHECK_THROWS_AS_MESSAGE(read_permission_list(text), Error, text);
    }
}
