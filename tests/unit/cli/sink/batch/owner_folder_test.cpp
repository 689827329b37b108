#include "cli/sink/batch/owner_folder.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace relay::cli;

TEST_CASE("an owner that is a safe name is the folder's name") {
    for (auto const *owner : {"team-a", "ops@example.com", "0", "a.b_c+d", "billing.2"}) {
        CHECK(folder_of_owner(owner) == owner);
    }
    CHECK(folder_of_owner(std::nullopt) == "_no-owner");
}

TEST_CASE("any other is made unique by a hash, and shows its readable part") {
    CHECK(folder_of_owner("Team A").starts_with("team-a~"));
    CHECK(folder_of_owner("../../etc/passwd").starts_with("etc-passwd~"));
    CHECK(folder_of_owner("\xd0\xb6").starts_with("owner~"));
    CHECK(folder_of_owner("-rf").starts_with("rf~"));
    CHECK(folder_of_owner("x.new").starts_with("x.new~"));
}

TEST_CASE("no two owners share a folder, whatever the file system makes of capitals; and every name is safe") {
    std::map<std::string, std::string> taken{{std::string(folder_without_owner), "(nobody)"}};
    std::vector<std::string> owners{"",
                                    ".",
                                    "..",
                                    "...",
                                    "/",
                                    "a/b",
                                    "a-b",
                                    "a b",
                                    "A-B",
                                    "a_b",
                                    "a\\b",
                                    "_no-owner",
                                    "_NO-OWNER",
                                    "no-owner",
                                    "team.",
                                    ".team",
                                    "team-",
                                    "~",
                                    "a~b",
                                    "con",
                                    "nul.txt",
                                    "\xc3\xa9",
                                    "e\xcc\x81",
                                    "x.batch",
                                    "X.BATCH",
                                    "*",
                                    "a\xe2\x80\xa8"
                                    "b"};
    for (std::size_t length : {79U, 80U, 81U, 199U, 200U}) {
        owners.push_back(std::string(length, 'a'));
        owners.push_back(std::string(length, 'A'));
        owners.push_back(std::string(length - 1, 'a') + "b");
        owners.push_back(std::string(length, '/'));
    }
    owners.push_back(folder_of_owner("Team A"));  // an owner whose name is another owner's folder
    owners.push_back("Team A");
    for (auto const &owner : owners) {
        auto const folder = folder_of_owner(owner);
        CAPTURE(owner);
        CHECK(folder.size() <= 100);
        CHECK(folder.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._@+-~") == folder.npos);
        CHECK((folder.front() != '.' && folder.front() != '-' && folder.back() != '.'));
        auto const [place, is_new] = taken.emplace(folder, owner);
        CHECK_MESSAGE(is_new, place->second);
    }
}
