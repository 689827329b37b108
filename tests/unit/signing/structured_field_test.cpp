#include "relay/signing/structured_field.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace relay::signing;

namespace {

/// The members whose values are inner lists, written again; "none": not a dictionary.
std::string again(std::string_view text) {
    auto const dictionary = parse_dictionary(text);
    if (!dictionary) {
        return "none";
    }
    std::string out;
    for (auto const &[key, member] : *dictionary) {
        auto const *const list = std::get_if<SfInnerList>(&member);
        out += key + '=' + (list != nullptr ? write(*list) : "item") + ';';
    }
    return out;
}

}  // namespace

TEST_CASE("dictionaries of RFC 8941, and their canonical form") {
    CHECK(again("") == "");
    CHECK(again("a=1, b=(\"x\"  \"y\" );k=-5;l=\"q\\\"\\\\\";m;n=?0, c") ==
          R"(a=item;b=("x" "y");k=-5;l="q\"\\";m;n=?0;c=item;)");
    CHECK(again("a=()") == "a=();");
    CHECK(again("a=(tok:en/x :AAEC: 1.5);d=-0") == "a=(tok:en/x :AAEC: 1.5);d=0;");
    CHECK(again("*a-._9=(1);x=007") == "*a-._9=(1);x=7;");
    CHECK(again("a;x=1 ,\t b=1") == "a=item;b=item;");
    CHECK(again("a=(\"x\");  b=1") == "a=(\"x\");b=1;");
}

TEST_CASE("what is not a dictionary, or is ambiguous") {
    for (char const *const text : {"=1",
                                   "A=1",
                                   "1=1",
                                   "a=1,",
                                   "a=1 b=2",
                                   "a=",
                                   "a=(",
                                   "a=(\"x\"\"y\")",
                                   "a=(\"x\",\"y\")",
                                   "a=\"x",
                                   "a=\"\x01\"",
                                   "a=\"\\x\"",
                                   "a=:AA:",
                                   "a=:AAEC",
                                   "a=:AAE:",
                                   "a=1234567890123456",
                                   "a=1.",
                                   "a=1.2345",
                                   "a=-",
                                   "a=?2",
                                   "a=?",
                                   "a=1;B=1",
                                   "a=1;b=1;b=2",
                                   "a=1, a=2",
                                   "a=@1",
                                   "a=(1) x",
                                   "a==1",
                                   "a=\x80",
                                   "a=1;",
                                   "a=1 ;b",
                                   ",",
                                   "a,,b"}) {
        CAPTURE(text);
        CHECK(again(text) == "none");
    }
}
