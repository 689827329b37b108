#include "cli/documents/agent.hpp"
#include "cli/documents/fields.hpp"
#include "cli/documents/key.hpp"
#include "cli/documents/new_key.hpp"
#include "cli/documents/standing.hpp"
#include "cli/input/key_input.hpp"
#include "cli/output/render.hpp"
#include "relay/model/error.hpp"

#include <doctest/doctest.h>

using namespace relay;
using namespace relay::cli;

namespace {

Instant const now = parse_instant("2026-11-22T01:02:03Z");

Key key_of(KeyStatus status, bool blocked = false) {
    Key key = sample_key();
    key.status = status;
    key.blocked = blocked;
    return key;
}

std::string text_in(Value const &value) { return std::get<std::string>(value); }

bool is_null(Value const &value) { return std::holds_alternative<std::monostate>(value); }

std::string a_key() {
    ApiKey const key = ApiKey::generate(KeyType::agent);
    return std::string(key.reveal());
}

}  // namespace

TEST_CASE("a field without a key is for people alone, one without a label for machines alone") {
    Document document{.kind = "Thing", .id_key = "a"};
    document.data = {{"a", "A", "1"}, people_only("Words", "said"), machine_only("b", "2")};
    CHECK(render(document, OutputFormat::table, {}).text == "A:      1\nWords:  said\n");
    CHECK(render(document, OutputFormat::csv, {}).text == "a,b\n1,2\n");
    CHECK(render(document, OutputFormat::env, {}).text == "A=1\nB=2\n");
    std::string const json = render(document, OutputFormat::json, {}).text;
    CHECK(json.find(R"("data":{"a":"1","b":"2"})") != json.npos);
}

TEST_CASE("a value of an id, a subject or an enum is its text") {
    CHECK(text_in(AgentId::parse("bot")) == "bot");
    CHECK(text_in(Subject(OrgId::parse("acme"))) == "acme");
    CHECK(text_in(KeyStatus::retiring) == "retiring");
    CHECK(is_null(std::optional<Status>()));
    CHECK(text_in(std::optional(Status::blocked)) == "blocked");
    CHECK(std::get<std::vector<std::string>>(Value(std::vector{RoleId::parse("a"), RoleId::parse("b")})) ==
          std::vector<std::string>{"a", "b"});
}

TEST_CASE("the fields of a key that may not exist are null without it") {
    CHECK(is_null(value_of(std::optional<Key>(), &Key::key_id)));
    CHECK(text_in(value_of(std::optional(sample_key()), &Key::key_id)) == "000000000000");
    CHECK(is_null(value_of(std::optional(sample_key()), &Key::expires_at)));
}

TEST_CASE("keys are counted in words") {
    CHECK(describe_keys({}) == "none");
    CHECK(describe_keys({key_of(KeyStatus::retired), key_of(KeyStatus::revoked)}) == "no live key");
    CHECK(describe_keys({key_of(KeyStatus::active), key_of(KeyStatus::retired)}) == "1 active");
    CHECK(describe_keys({key_of(KeyStatus::active, true), key_of(KeyStatus::retiring, true)}) ==
          "1 active, 1 retiring; both refused while blocked");
    CHECK(describe_keys({key_of(KeyStatus::active), key_of(KeyStatus::staged), key_of(KeyStatus::staged)}) ==
          "1 active, 2 staged");
    CHECK(describe_keys({key_of(KeyStatus::retiring, true)}) == "1 retiring; refused while blocked");
}

TEST_CASE("a status names the actor, the time and the reason") {
    CHECK(plain_text(describe_status(Status::active, {})) == "active");
    Standing block{
        .subject = AgentId::parse("bot"), .kind = StandingKind::block, .at = now, .actor = "ana", .db_role = "r"};
    CHECK(plain_text(describe_status(Status::blocked, {block})) ==
          "BLOCKED since 2026-11-22T01:02:03Z by ana (role r)");
    block.ticket = "INC-42";
    block.reason = "seen in a log";
    block.until = now + std::chrono::hours(1);
    Standing const revoke{
        .subject = OrgId::parse("acme"), .kind = StandingKind::revoke, .at = now, .actor = "bo", .db_role = "r"};
    CHECK(plain_text(describe_status(Status::revoked, {block, revoke})) ==
          "BLOCKED since 2026-11-22T01:02:03Z until 2026-11-22T02:02:03Z by ana (role r), INC-42: seen in a log; "
          "REVOKED (org acme) since 2026-11-22T01:02:03Z by bo (role r)");
}

TEST_CASE("the one key of a text is found, whatever is around it") {
    std::string const key = a_key();
    for (std::string const &text : {key, key + "\n", "RELAY_API_KEY=" + key + "\n", "{\"api_key\":\"" + key + "\"}",
                                    "A=" + key + "\nB=" + key + "\n", "key: " + key}) {
        KeyInput const found = find_key(text);
        REQUIRE(found.key.has_value());
        CHECK((found.key->reveal() == key));
    }
}

TEST_CASE("a text that begins like a key but is not one has a fault that does not quote it") {
    std::string const key = a_key();
    std::string spoilt = key;
    spoilt.back() = spoilt.back() == '0' ? '1' : '0';
    for (std::string const &text : {spoilt, key + " ", key + "\n\n", key.substr(0, 70), "K=" + spoilt, key + "x"}) {
        KeyInput const found = find_key(text);
        CHECK_FALSE(found.key.has_value());
        CHECK_FALSE(found.fault.empty());
        CHECK(found.fault.find(key.substr(22, 20)) == std::string::npos);
    }
}

TEST_CASE("the one key of a text is found wherever a scan finds it") {
    std::string const key = a_key();
    std::string const wrapped = "header: " + key.substr(0, 17) + "\n" + key.substr(17) + " end\n";
    std::string const zero_width = key.substr(0, 22) + "\u200b" + key.substr(22) + "\n";
    for (std::string const &text :
         {wrapped, zero_width, "data:\n  key: \"" + key.substr(0, 40) + "\\\n" + key.substr(40) + "\"\n"}) {
        KeyInput const found = find_key(text);
        REQUIRE(found.key.has_value());
        CHECK((found.key->reveal() == key));
    }
}

TEST_CASE("a text in which no key can be seen is named") {
    try {
        find_key(std::string_view("\x1f\x8b\x08\0\0\0\0\0\0\x03 packed", 17));
        FAIL("it has no key");
    } catch (Error const &error) {
        CHECK(error.message().find("gzip") != std::string::npos);
        CHECK_FALSE(error.hint().why.empty());
    }
}

TEST_CASE("no key and several keys are errors of usage") {
    for (std::string const &text : {std::string(), std::string("hello"), "A=" + a_key() + "\nB=" + a_key()}) {
        CHECK_THROWS_AS(find_key(text), Error);
    }
}
