#include "relay/crypto/random_ids.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

TEST_CASE("generated ids have their prefix, their length and the key id's alphabet") {
    std::set<std::string> seen;
    std::set<char> letters;
    for (int i = 0; i < 2000; ++i) {
        std::string const org = relay::generate_org_id().text();
        std::string const agent = relay::generate_agent_id().text();
        std::string const operation = relay::generate_operation_id().text();
        REQUIRE((org.starts_with("org_") && org.size() == 16));
        REQUIRE((agent.starts_with("agent_") && agent.size() == 18));
        REQUIRE((operation.starts_with("op_") && operation.size() == 27));
        for (std::string const &random : {org.substr(4), agent.substr(6), operation.substr(3)}) {
            REQUIRE(random.find_first_not_of(relay::KeyId::alphabet) == std::string::npos);
            REQUIRE(seen.insert(random).second);
        }
        letters.insert(operation.begin() + 3, operation.end());
    }
    CHECK(letters.size() == 32);
}

TEST_CASE("a trace id is 32 hexadecimal digits, not all zero, and never the same") {
    std::set<std::string> seen;
    for (int i = 0; i < 2000; ++i) {
        std::string const id = relay::generate_trace_id();
        REQUIRE(id.size() == 32);
        REQUIRE(id.find_first_not_of("0123456789abcdef") == std::string::npos);
        REQUIRE(id.find_first_not_of('0') != std::string::npos);
        REQUIRE(seen.insert(id).second);
    }
}

TEST_CASE("delivered bytes name their operation permanently: the ids were computed with Python's hashlib") {
    // hashlib.blake2b(content, digest_size=16, key=b"relay-admin operation"), its first 120 bits in Crockford's base32
    CHECK(relay::operation_id_for("").text() == "op_26wmfa4bds51x8wj6vd2xsmz");
    CHECK(relay::operation_id_for("abc").text() == "op_7hgxkgq8mmgy138c3g7n10mn");
    CHECK(relay::operation_id_for(std::string("a\0b", 3)).text() == "op_sgt72nyfyqqf9q45d83be2wt");
    CHECK(relay::operation_id_for("abc\n") != relay::operation_id_for("abc"));
}
