#include "relay/model/ids.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/error.hpp"
#include "tests/unit/advice_words.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using relay::AgentId;
using relay::KeyId;
using relay::OrgId;

static_assert(!std::is_constructible_v<OrgId, std::string> && !std::is_default_constructible_v<OrgId>);
static_assert(!std::is_convertible_v<OrgId, AgentId> && !std::is_constructible_v<AgentId, OrgId>);

std::string const key = "relay_sk_000g40r40m30_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3SDqBW";

struct Refusal {
    std::string message = "(taken)";
    std::string next{};
    std::vector<std::string> suggestions{};

    bool says(std::string const &part) const { return message.find(part) != std::string::npos; }
};

template <typename Parse>
Refusal refusal(Parse parse, std::string const &text) {
    try {
        parse(text);
        return {};
    } catch (relay::Error const &error) {
        CHECK(error.kind() == relay::ErrorKind::usage);
        CHECK(error.message().size() < 400);
        CHECK(!error.hint().next.empty());
        std::string const told = error.message() + error.hint().why + relay::words_of(error.hint().next);
        CHECK(told.find_first_of(std::string("\x1b\n\r\0", 4)) == std::string::npos);
        CHECK(told.find("003aUlTJ") == std::string::npos);
        return {error.message(), relay::words_of(error.hint().next), error.hint().suggestions};
    }
}

auto const org = [](std::string const &text) { OrgId::parse(text); };
auto const new_agent = [](std::string const &text) { AgentId::parse_new(text); };
auto const agent = [](std::string const &text) { AgentId::parse(text); };
auto const key_id = [](std::string const &text) { KeyId::parse(text); };
auto const operation = [](std::string const &text) { relay::OperationId::parse(text); };
auto const request = [](std::string const &text) { relay::RequestId::parse(text); };
auto const name = [](std::string const &text) { relay::DisplayName::parse(text); };
auto const reason = [](std::string const &text) { relay::Note::parse("reason", text); };
auto const permission = [](std::string const &text) { relay::Permission::parse(text); };

std::string run(std::size_t count) {
    std::string out;
    while (out.size() < count) {
        out += "abcdefg-";
    }
    return out.substr(0, count);
}

}  // namespace

TEST_CASE("good ids are taken as they are") {
    for (std::string const text :
         {"acme-corp", "a", "0", "9lives", "a_b-c", "agent_123", "a-", "a_", "org_0123456789ab"}) {
        CHECK(OrgId::parse(text).text() == text);
        CHECK(AgentId::parse_new(text).text() == text);
        CHECK(AgentId::parse(text).text() == text);
    }
    CHECK(OrgId::parse(run(63)).text() == run(63));
}

TEST_CASE("every byte is judged by the rule, at the first place and behind it") {
    std::string const first = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string const capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; ++c) {
        std::string const one(1, static_cast<char>(c));
        bool const begins = first.find(one) != std::string::npos;
        bool const follows = begins || one == "-" || one == "_";
        bool const capital = capitals.find(one) != std::string::npos;
        CAPTURE(c);
        CHECK((refusal(org, one).message == "(taken)") == begins);
        CHECK((refusal(new_agent, one).message == "(taken)") == begins);
        CHECK((refusal(agent, one).message == "(taken)") == (begins || capital));
        CHECK((refusal(org, "a" + one).message == "(taken)") == follows);
        CHECK((refusal(new_agent, "a" + one).message == "(taken)") == follows);
        CHECK((refusal(agent, "a" + one).message == "(taken)") == (follows || capital || one == "."));
        CHECK((refusal(org, "a" + one + "a").message == "(taken)") == follows);
    }
}

TEST_CASE("an id that is empty, too long, or begins wrongly is refused by name") {
    CHECK(refusal(org, "").message == "org id is empty");
    CHECK(refusal(agent, "").message == "agent id is empty");
    CHECK(refusal(org, run(64)).says("too long, 64 characters where 63 are allowed"));
    CHECK(refusal(new_agent, run(64)).says("too long, 64 characters where 63 are allowed"));
    CHECK(refusal(agent, run(127)).message == "(taken)");
    CHECK(refusal(agent, run(128)).says("too long, 128 characters where 127 are allowed"));
    CHECK(refusal(org, run(1000000)).says("too long, 1000000 characters"));
    CHECK(refusal(org, "-acme").says("begins with '-'"));
    CHECK(refusal(org, "_acme").says("begins with '_'"));
    CHECK(refusal(agent, ".hidden").says("begins with '.'"));
    CHECK(refusal(agent, "..").says("begins with '.'"));
    CHECK(refusal(org, "--dry-run").says("begins with '-'"));
    CHECK(refusal(org, "x y").next.find("use a-z, 0-9, - and _, at most 63") != std::string::npos);
}

TEST_CASE("capitals and blanks get the spelling that would do") {
    Refusal const capitals = refusal(org, "Acme-Corp");
    CHECK(capitals.message == "org id 'Acme-Corp': has capitals; try acme-corp");
    CHECK(capitals.suggestions == std::vector<std::string>{"acme-corp"});
    Refusal const blank = refusal(new_agent, "Payment Processor");
    CHECK(blank.says("has a space; try payment-processor"));
    CHECK(refusal(org, "-Acme").suggestions.empty());
    CHECK(refusal(org, "-Acme").says("has capitals"));
    CHECK(refusal(org, "Acme:Corp").suggestions.empty());
    CHECK(refusal(agent, "Payment Processor").suggestions.empty());  // an existing id never gets a suggestion
}

TEST_CASE("the torture list: each odd character is named, escaped, and never taken for a letter") {
    CHECK(refusal(org,
                  "\xd0\xb0"
                  "cme")
              .says("character U+0430 is not a-z"));  // Cyrillic a
    CHECK(refusal(agent, "p\xd0\xb0y").says("character U+0430 is not A-Z, a-z"));
    CHECK(refusal(org, "acme\xc3\xa9").says("character U+00E9 is not a-z"));
    CHECK(refusal(org, "acme\xef\xbc\x91").says("character U+FF11 is not a-z"));  // full-width 1
    CHECK(refusal(org, "ac\xe2\x80\x8bme").says("character U+200B is not a-z"));  // zero-width space
    CHECK(refusal(org,
                  "\xe2\x80\xae"
                  "emca")
              .says("character U+202E is not a-z"));  // right-to-left override
    CHECK(refusal(org, "acme\xf0\x9f\x98\x80").says("character U+1F600 is not a-z"));
    CHECK(refusal(org,
                  "acme\xe2\x80\x93"
                  "corp")
              .says("character U+2013 is not a-z"));  // en dash
    CHECK(refusal(org, std::string("acme\0corp", 9)).says("NUL"));
    CHECK(refusal(org, std::string(1, '\0')).says("NUL"));
    CHECK(refusal(org, "acme\n").says("control character U+000A"));
    CHECK(refusal(org, "acme\x7f").says("control character U+007F"));
    CHECK(refusal(org, "\x1b[31m").says("control character U+001B"));
    CHECK(refusal(org, "acme\xff").says("byte 0xFF, which is not UTF-8"));
    CHECK(refusal(org, "acme\xc3").says("byte 0xC3, which is not UTF-8"));
    CHECK(refusal(org, "acme'; drop table x").says("character ''' is not allowed"));
    CHECK(refusal(org, "../etc/passwd").says("character '.' is not allowed"));
    CHECK(refusal(agent, "../etc/passwd").says("character '/' is not allowed"));
    CHECK(refusal(org, "$(touch x)").says("character '$'"));
    CHECK(refusal(org, "a:b").says("character ':'"));
}

TEST_CASE("a key in place of an id or in a text is refused and never shown, also where it would be well formed") {
    for (std::string const &text : {key, "relay_at_" + key.substr(9), key.substr(0, 60), "x" + key}) {
        CHECK(refusal(agent, text).says("the agent id contains a key (text withheld)"));
        CHECK(refusal(new_agent, text).says("contains a key"));
        CHECK(refusal(org, text).says("the org id contains a key"));
        CHECK(refusal(key_id, text).says("the key id contains a key"));
        CHECK(refusal(name, text).says("the name contains a key"));
        CHECK(refusal(reason, "leaked: " + text).says("the reason contains a key"));
    }
    CHECK(refusal(operation, key).says("does not begin with op_"));
    CHECK(refusal(request, key).says("not a UUID"));
    CHECK(refusal(permission, key).says("withheld"));
    CHECK(refusal(permission, "a:" + key).says("withheld"));
    CHECK(refusal(agent, "relay_sk_bot").message == "(taken)");
}

TEST_CASE("legacy agent ids may hold capitals and dots, new ones may not") {
    for (std::string const text : {"CFO.Bot-1", "Agent_7", "A", "a.b.c", "bot..x"}) {
        CHECK(AgentId::parse(text).text() == text);
        CHECK_THROWS_AS(AgentId::parse_new(text), relay::Error);
        CHECK_THROWS_AS(OrgId::parse(text), relay::Error);
    }
}

TEST_CASE("a key id is 12 characters of its alphabet") {
    CHECK(KeyId::parse("0123456789ab").text() == "0123456789ab");
    CHECK(KeyId::parse("zzzzzzzzzzzz").text() == "zzzzzzzzzzzz");
    CHECK(KeyId::alphabet.size() == 32);
    for (int c = 0; c < 256; ++c) {
        std::string text = "000g40r40m30";
        text[5] = static_cast<char>(c);
        bool const good =
            c != 0 && std::string("0123456789abcdefghjkmnpqrstvwxyz").find(static_cast<char>(c)) != std::string::npos;
        CHECK((refusal(key_id, text).message == "(taken)") == good);
    }
    CHECK(refusal(key_id, "").message == "key id is empty");
    CHECK(refusal(key_id, "000g40r40m3").says("has 11 characters where 12 are needed"));
    CHECK(refusal(key_id, "000g40r40m300").says("has 13 characters where 12 are needed"));
}

TEST_CASE("a key id with capitals or look-alike letters gets the one that was meant") {
    CHECK(refusal(key_id, "000G40R40M30").suggestions == std::vector<std::string>{"000g40r40m30"});
    CHECK(refusal(key_id, "oOoiIlL0000a").suggestions == std::vector<std::string>{"00011110000a"});
    CHECK(refusal(key_id, "000g40r40m3u").suggestions.empty());
    CHECK(refusal(key_id, "000G40R40M3").suggestions.empty());
}

TEST_CASE("an operation id is op_ and 24 characters") {
    std::string const good = "op_0123456789abcdefghjkmnpq";
    CHECK(relay::OperationId::parse(good).text() == good);
    CHECK(refusal(operation, "").says("empty"));
    CHECK(refusal(operation, "op_").says("has 0 characters"));
    CHECK(refusal(operation, good + "0").says("has 25 characters"));
    CHECK(refusal(operation, good.substr(0, 26)).says("has 23 characters"));
    CHECK(refusal(operation, "ip_" + good.substr(3)).says("does not begin with op_"));
    CHECK(refusal(operation, "op_0123456789abcdefghjkmnpu").says("'u'"));
    CHECK(refusal(operation, "op_0123456789ABcdefghjkmnpq").says("'A'"));
}

TEST_CASE("a request id is a UUID; capitals are folded") {
    std::string const uuid = "6fa1f5a0-3d1c-4f6e-9b1e-0f6f1c2d3e4f";
    CHECK(relay::RequestId::parse(uuid).text() == uuid);
    CHECK(relay::RequestId::parse("6FA1F5A0-3D1C-4F6E-9B1E-0F6F1C2D3E4F") == relay::RequestId::parse(uuid));
    for (std::string const &text :
         {std::string("6fa1f5a03d1c4f6e9b1e0f6f1c2d3e4f"), "{" + uuid + "}", uuid + " ", uuid + "0", uuid.substr(1),
          "g" + uuid.substr(1), "urn:uuid:" + uuid, " " + uuid, std::string("6fa1f5a0-3d1c-4f6e-9b1e-0f6f1c2d3e4-"),
          std::string("6fa1f5a003d1c-4f6e-9b1e-0f6f1c2d3e4f"), uuid + std::string(1, '\0')}) {
        CAPTURE(text);
        CHECK(refusal(request, text).says("not a UUID"));
    }
    CHECK(refusal(request, "").says("empty"));
}

TEST_CASE("names for people may be in any language, up to 200 bytes") {
    for (std::string const text : {"Acme Corp", "Zahlungs\xc3\xa4ufe", "\xe6\x94\xaf\xe4\xbb\x98", "\xf0\x9f\x98\x80",
                                   "=cmd()", "a'b\"c\\", "\xe6\xb3\xb0\xc2\xa0x"}) {
        CHECK(relay::DisplayName::parse(text).text() == text);
    }
    CHECK(relay::DisplayName::parse(std::string(200, '-')).text().size() == 200);
    CHECK(refusal(name, std::string(201, '-')).says("too long, 201 bytes where 200 are allowed"));
    CHECK(refusal(name, "").says("name is empty"));
    CHECK(refusal(name, "a\nb").says("character U+000A is not allowed"));
    CHECK(refusal(name, "a\x1b[2Jb").says("character U+001B is not allowed"));
    CHECK(refusal(name,
                  "a\xc2\x9b"
                  "b")
              .says("character U+009B is not allowed"));
    CHECK(refusal(name,
                  "a\xe2\x80\xae"
                  "b")
              .says("character U+202E is not allowed"));
    CHECK(refusal(name,
                  "a\xe2\x81\xa6"
                  "b")
              .says("character U+2066 is not allowed"));
    CHECK(refusal(name, "a\xff").says("byte 0xFF"));
    CHECK(refusal(name, std::string("a\0b", 3)).says("NUL"));
}

TEST_CASE("a name has no invisible character, not even between emoji or Arabic letters") {
    for (auto const &[character, code] : {std::pair("\xc2\xad", "00AD"),
                                          {"\xe1\x85\x9f", "115F"},
                                          {"\xe2\x80\x8b", "200B"},
                                          {"\xe2\x80\x8c", "200C"},
                                          {"\xe2\x80\x8d", "200D"},
                                          {"\xe2\x80\xa8", "2028"},
                                          {"\xe2\x80\xa9", "2029"},
                                          {"\xef\xb8\x8f", "FE0F"},
                                          {"\xef\xbb\xbf", "FEFF"},
                                          {"\xee\x80\x80", "E000"},
                                          {"\xef\xb7\x90", "FDD0"},
                                          {"\xf3\xa0\x81\x81", "E0041"},
                                          {"\xf4\x8f\xbf\xbf", "10FFFF"}}) {
        CAPTURE(code);
        for (std::string const around : {"a", "\xf0\x9f\x91\xa9", "\xd9\x85"}) {
            CHECK(refusal(name, around + character + around).says(std::string("U+") + code + " is not allowed"));
        }
    }
}

TEST_CASE("a note may have 1000 bytes, and its refusal names it") {
    CHECK(relay::Note::parse("ticket", "INC-1").text() == "INC-1");
    CHECK(relay::Note::parse("reason", std::string(1000, '-')).text().size() == 1000);
    CHECK(refusal(reason, std::string(1001, '-')).says("reason"));
    CHECK(refusal(reason, std::string(1001, '-')).says("1001 bytes where 1000 are allowed"));
    CHECK(refusal(reason, "").message == "reason is empty");
}

TEST_CASE("a permission is provider:method, each side a name or a star") {
    std::string const side = run(64);
    for (std::string const &text :
         {std::string("stripe:create_payment"), std::string("*:*"), std::string("stripe:*"), std::string("*:read"),
          std::string("A.b-c_9:X"), std::string("-:."), side + ":" + side}) {
        CHECK(relay::Permission::parse(text).text() == text);
    }
    CHECK(refusal(permission, "").says("empty"));
    CHECK(refusal(permission, "stripe").says("no ':'"));
    CHECK(refusal(permission, ":x").says("the provider is empty"));
    CHECK(refusal(permission, "x:").says("the method is empty"));
    CHECK(refusal(permission, ":").says("the provider is empty"));
    CHECK(refusal(permission, "a:b:c").says("character ':' is not allowed in the method"));
    CHECK(refusal(permission, "a*:b").says("character '*' is not allowed in the provider"));
    CHECK(refusal(permission, "**:b").says("character '*'"));
    CHECK(refusal(permission, "a:b c").says("has a space in the method"));
    CHECK(refusal(permission, "a,b:c").says("character ','"));
    CHECK(refusal(permission, run(65) + ":b").says("the provider is too long, 65 characters"));
    CHECK(refusal(permission, "a:" + run(65)).says("the method is too long, 65 characters"));
    CHECK(refusal(permission, "\xd0\xb0:b").says("U+0430"));
}

TEST_CASE("ids of a kind compare by their text and can be keys of a map") {
    CHECK(OrgId::parse("a") == OrgId::parse("a"));
    CHECK(OrgId::parse("a") != OrgId::parse("b"));
    CHECK(OrgId::parse("a") < OrgId::parse("b"));
    CHECK(OrgId::parse("a-b") < OrgId::parse("a_b"));  // bytes, as COLLATE "C"
    std::map<AgentId, int> const map{{AgentId::parse("b"), 2}, {AgentId::parse("a"), 1}};
    CHECK(map.begin()->second == 1);
}

TEST_CASE("an attribution needs only its actor, and writing is real by default") {
    relay::WriteOptions const options{.by = {.actor = relay::Note::parse("actor", "ci:acme/infra")}};
    CHECK(!options.dry_run);
    CHECK(!options.by.reason.has_value());
    CHECK(!options.by.ticket.has_value());
    CHECK(options.by.trace_id.empty());
    CHECK(!relay::WriteReceipt{}.changed);
}
