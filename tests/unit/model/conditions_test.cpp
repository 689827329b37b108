#include "relay/model/conditions.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

using relay::Conditions;
using relay::Error;
using relay::Permission;

namespace {

std::string fault_of(std::string const &text) {
    try {
        Conditions::parse(text);
    } catch (Error const &error) {
        CHECK(error.kind() == relay::ErrorKind::usage);
        return error.message();
    }
    return "";
}

bool says(std::string const &text, std::string const &part) { return fault_of(text).find(part) != std::string::npos; }

}  // namespace

TEST_CASE("conditions are kept as they are written") {
    for (std::string const text :
         {R"({"max_amount": 10000})", R"( {"a":[1,-2.5e3,true,false,null,"x\u00e9\n",{"b":{}}],"c":[]} )",
          R"({"é":"😀"})", R"({"a":"\ud83d\ude00"})", R"({"a":0,"b":-0.5,"c":123456789012345})"}) {
        CHECK(Conditions::parse(text).text() == text);
    }
}

TEST_CASE("text that is not a JSON object is refused, with the place") {
    CHECK(says("", "at byte 1: an object"));
    CHECK(says("[1]", "at byte 1: an object"));
    CHECK(says("max_amount=1", "an object"));
    CHECK(says("{}", "the object is empty"));
    CHECK(says(R"({"a":1,})", "at byte 8: nothing follows the comma"));
    CHECK(says(R"({"a" 1})", "a colon"));
    CHECK(says(R"({"a":1 "b":2})", "a comma or }"));
    CHECK(says(R"({"a":[1 2]})", "a comma or ]"));
    CHECK(says(R"({"a":1)", "a comma or }"));
    CHECK(says(R"({"a":)", "the end is missing"));
    CHECK(says(R"({"a":"x)", "the closing quote"));
    CHECK(says(R"({"a":1}})", "after the object"));
    CHECK(says(R"({a:1})", "double quotes"));
    CHECK(says(R"({'a':1})", "double quotes"));
    CHECK(says(R"({"a":yes})", "no JSON value"));
    CHECK(says(R"({"a":nul})", "no JSON value"));
    CHECK(says(R"({"a":NaN})", "no JSON value"));
    CHECK(says(R"({"a":01})", "leading zero"));
    CHECK(says(R"({"a":1.})", "no JSON value"));
    CHECK(says(R"({"a":"\x"})", "no such escape"));
    CHECK(says("{\"a\":\"\n\"}", "control character"));
    CHECK(says("{\"a\":\"\xff\"}", "not UTF-8"));
    CHECK(says(std::string("{\"a\":1\0}", 8), "a comma or }"));
}

TEST_CASE("JSON that readers would read differently is refused") {
    CHECK(says(R"({"a":1,"a":2})", "duplicate name"));
    CHECK(says(R"({"a":1,"\u0061":2})", "duplicate name"));
    CHECK(says(R"({"\u00e4":1,"ä":2})", "duplicate name"));
    CHECK(says(R"({"\ud83d\ude00":1,"\uD83D\uDE00":2})", "duplicate name"));
    CHECK(says(R"({"\n":1,"\u000a":2})", "duplicate name"));
    CHECK(fault_of(R"({"\\u0061":1,"a":2})").empty());
    CHECK(says(R"({"a":1234567890123456})", "15 digits"));
    CHECK(says(R"({"a":1e301})", "beyond 1e300"));
    CHECK(says(R"({"a":1e9999999999999999999})", "beyond 1e300"));
    CHECK(says(R"({"a":"\u0000"})", "NUL"));
    CHECK(says(R"({"a":"\ud83d"})", "first half"));
    CHECK(says(R"({"a":"\ude00"})", "second half"));
    CHECK(says("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}", "32 levels"));
    CHECK(says("{\"a\":\"" + std::string(4100, 'x') + "\"}", "4096"));
}

TEST_CASE("conditions with a key in them do not repeat it") {
    std::string const key = "relay_sk_0123456789ab_" + std::string(49, 'x');
    std::string const fault = fault_of("{\"key\":\"" + key + "\"}");
    CHECK(fault.find("contain a key") != std::string::npos);
    CHECK(fault.find("xxx") == std::string::npos);
}

TEST_CASE("a permission covers itself and all that its wildcards match") {
    auto const covers = [](char const *held, char const *asked) {
        return Permission::parse(held).covers(Permission::parse(asked));
    };
    CHECK(covers("stripe:pay", "stripe:pay"));
    CHECK(covers("stripe:*", "stripe:pay"));
    CHECK(covers("*:pay", "stripe:pay"));
    CHECK(covers("*:*", "stripe:pay"));
    CHECK(covers("stripe:*", "stripe:*"));
    CHECK_FALSE(covers("stripe:pay", "stripe:*"));
    CHECK_FALSE(covers("stripe:pay", "stripe:payout"));
    CHECK_FALSE(covers("*:pay", "stripe:*"));
    CHECK_FALSE(covers("crm:*", "stripe:pay"));
}
