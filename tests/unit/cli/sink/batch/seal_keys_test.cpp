#include "cli/sink/batch/seal_keys.hpp"

#include "../sink_fixture.hpp"

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

constexpr auto public_key = "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvvcCU=";  // the example in GitHub's documentation

std::string id_of(SealKey const *key) { return key == nullptr ? "none" : key->key_id; }

}  // namespace

TEST_CASE("the owner's key is used, or else the organization's, or else the default key") {
    TemporaryFolder const folder;
    std::string text = "key,owner,org_id,key_id\n";
    for (auto const *who : {"\"a, b\",,1", ",acme,2", "*,,3"}) {
        text += std::string(public_key) + "," + who + "\n";
    }
    write_file(folder / "keys.csv", text);
    auto const keys = SealKeys::read(folder / "keys.csv");
    CHECK(id_of(keys.find("a, b", "acme")) == "1");
    CHECK(id_of(keys.find("A, b", "acme")) == "2");
    CHECK(id_of(keys.find(std::nullopt, "acme")) == "2");
    CHECK(id_of(keys.find("acme", "other")) == "3");
    CHECK(id_of(keys.find(std::nullopt, "other")) == "3");
}

TEST_CASE("without a default key there may be none") {
    TemporaryFolder const folder;
    write_file(folder / "keys", std::string(R"({"owner":"a","key_id":"1","key":")") + public_key + "\"}\n");
    auto const keys = SealKeys::read(folder / "keys");
    CHECK(id_of(keys.find("a", "acme")) == "1");
    CHECK(id_of(keys.find("b", "acme")) == "none");
    CHECK(id_of(keys.find(std::nullopt, "a")) == "none");
}
