#include "cli/legacy/revoked_value.hpp"

#include "relay/model/error.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

namespace {

RevokedValue value_of(char const *text, std::vector<std::string> const &words = {}) {
    return read_revoked("revoked", text, words);
}

std::vector<std::string> words_of(std::vector<std::string> pairs) { return take_revoked_words(pairs); }

}  // namespace

TEST_CASE("only the words of PostgreSQL's boolean are a yes or a no") {
    for (char const *yes : {"true", "TRUE", "True", "t", "T", "yes", "Y", "on", "1"}) {
        CHECK_MESSAGE(value_of(yes).revoked, yes);
    }
    for (char const *no : {"false", "FALSE", "f", "no", "N", "off", "0"}) {
        CHECK_FALSE_MESSAGE(value_of(no).revoked, no);
    }
    for (char const *unknown : {"FALSCH",
                                "FAUX",
                                "VERO",
                                "active",
                                "ACTIVE",
                                "disabled",
                                "-",
                                "n/a",
                                "#N/A",
                                "?",
                                "x",
                                "ja",
                                "nein",
                                "2",
                                "-1",
                                "10",
                                "0.0",
                                "truee",
                                "tr",
                                "revoked",
                                "01/02/2024",
                                "1.2.2024",
                                "02.01.2024 03:04",
                                "1/2/24",
                                "2024",
                                "20240102",
                                "2024-13-01",
                                "2024-02-30",
                                "-infinity",
                                "yesterday",
                                "1e9",
                                "2024-01-02 03:04:05 CET"}) {
        CHECK_THROWS_AS_MESSAGE(value_of(unknown), Error, unknown);
    }
}

TEST_CASE("a time is a revocation at that time, however programs write it") {
    Instant const at = parse_instant("2024-01-02T03:04:05Z");
    for (char const *text : {"2024-01-02T03:04:05Z", "2024-01-02 03:04:05+00", "2024-01-02 03:04:05",
                             "2024-01-02T03:04:05.000Z", "2024-01-02T03:04:05.000000000Z", "2024-01-02 03:04:05.0 UTC",
                             "2024-01-02T04:04:05+01:00", "1704164645", "1704164645000", "1704164645000000"}) {
        RevokedValue const value = value_of(text);
        CHECK_MESSAGE((value.revoked && value.at == at), text);
    }
    CHECK(value_of("2024-01-02").at == parse_instant("2024-01-02T00:00:00Z"));
}

TEST_CASE("what programs write for never is not a revocation") {
    for (char const *text :
         {"infinity", "null", "None", "nil", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00+00", "0000-00-00",
          "0000-00-00 00:00:00", "1970-01-01T00:00:00Z", "1970-01-01 00:00:00", "1970-01-01"}) {
        RevokedValue const value = value_of(text);
        CHECK_MESSAGE((!value.revoked && !value.at), text);
    }
}

TEST_CASE("with words, exactly these mean revoked") {
    CHECK(value_of("suspended", {"SUSPENDED", "deleted"}).revoked);
    CHECK_FALSE(value_of("ACTIVE", {"SUSPENDED"}).revoked);
    CHECK(value_of("f", {"false"}).revoked);  // a column `enabled`
    CHECK_FALSE(value_of("t", {"false"}).revoked);
    CHECK(value_of("2", {"2", "3"}).revoked);
}

TEST_CASE("words are taken out of --map, and commas may separate them") {
    std::vector<std::string> pairs{"agent_id=id", "revoked=status:SUSPENDED", "DELETED", "org_id=team"};
    CHECK(take_revoked_words(pairs) == std::vector<std::string>{"SUSPENDED", "DELETED"});
    CHECK(pairs == std::vector<std::string>{"agent_id=id", "revoked=status", "org_id=team"});
    CHECK(words_of({"revoked=status"}).empty());
    CHECK(words_of({"revoked=enabled:false"}).size() == 1);
    CHECK_THROWS_AS(words_of({"revoked=status:"}), Error);
    for (char const *opposite : {"revoked=enabled", "revoked=is_active", "revoked=isActive", "revoked=valid"}) {
        CHECK_THROWS_AS_MESSAGE(words_of({opposite}), Error, opposite);
    }
}
