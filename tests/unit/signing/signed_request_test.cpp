#include "relay/signing/signed_request.hpp"

#include "relay/crypto/base64.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace relay;
using namespace relay::signing;

namespace {

constexpr auto input = R"(("@method" "@authority" "@path" "@query" "content-digest");created=1796000000;)"
                       R"(nonce="k2Jx0Vn8Q1m7";keyid="05nzzk0b4ckt";tag="relay")";

/// A request that is signed in form; tests replace parts of it.
struct Request {
    std::string line = "POST /v1/manifest/validate?dry=1 HTTP/1.1";
    std::string host = "Host: relay.example.com";
    std::string digest = "Content-Digest: " + content_digest("{}");
    std::string input_line = std::string("Signature-Input: relay=") + input;
    std::string signature = "Signature: relay=:" + to_base64(std::string(32, 'x')) + ":";
    std::string more{};
    std::string body = "{}";

    std::string text() const {
        return line + "\r\n" + host + "\r\n" + digest + "\r\n" + input_line + "\r\n" + signature + "\r\n" + more +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    SignedRequest read(PublicSide const &side = {}) const {
        return read_signed_request(parse_http_request(text()), side);
    }
    std::string why_not(PublicSide const &side = {}) const {
        try {
            read(side);
        } catch (Malformed const &error) {
            return error.what();
        }
        return "accepted";
    }
};

std::string replaced(std::string text, std::string const &from, std::string const &to) {
    auto const at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the signature base of the design") {
    SignedRequest const found = Request{}.read();
    CHECK(found.base ==
          "\"@method\": POST\n\"@authority\": relay.example.com\n\"@path\": /v1/manifest/validate\n"
          "\"@query\": ?dry=1\n"
          "\"content-digest\": sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:\n"
          "\"@signature-params\": " +
              std::string(input));
    CHECK(found.key_id.text() == "05nzzk0b4ckt");
    CHECK(found.nonce == "k2Jx0Vn8Q1m7");
    CHECK(found.created == Instant(std::chrono::seconds(1796000000)));
    CHECK(found.signature == std::string(32, 'x'));
    CHECK(found.body_fits);
    CHECK(content_digest("") == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
}

TEST_CASE("what our signers write is what is read") {
    SignedRequest const found = Request{}.read();
    Components const components = components_of(parse_http_request(Request{}.text()), {});
    CHECK(signature_base(components, signature_parameters(found.created, found.nonce, found.key_id)) == found.base);
}

TEST_CASE("how each component is built") {
    auto const base_has = [](Request const &request, std::string const &line, PublicSide const &side = {}) {
        CAPTURE(line);
        CHECK(("\n" + request.read(side).base).find("\n" + line + "\n") != std::string::npos);
    };
    base_has({.line = "get / HTTP/1.1"}, "\"@method\": get");
    base_has({.line = "GET /a%2Fb//c/../d/ HTTP/1.1"}, "\"@path\": /a%2Fb//c/../d/");
    base_has({.line = "GET /p HTTP/1.1"}, "\"@query\": ?");
    base_has({.line = "GET /p? HTTP/1.1"}, "\"@query\": ?");
    base_has({.line = "GET /p?a?b=%2F HTTP/1.1"}, "\"@query\": ?a?b=%2F");
    base_has({.line = "GET http://relay.example.com/p?q HTTP/1.1"}, "\"@path\": /p");
    base_has({.line = "GET https://RELAY.example.com?q HTTP/1.1"}, "\"@path\": /");
    base_has({.host = "Host: RELAY.example.com:443"}, "\"@authority\": relay.example.com");
    base_has({.host = "Host: relay.example.com:443"}, "\"@authority\": relay.example.com:443", {.scheme = "http"});
    base_has({.host = "Host: relay.example.com:80"}, "\"@authority\": relay.example.com", {.scheme = "http"});
    base_has({.host = "Host: [::1]:8080"}, "\"@authority\": [::1]:8080");
}

TEST_CASE("the parameters may be in any order, and the base has that order") {
    std::string const other = R"(("@method" "@authority" "@path" "@query" "content-digest");tag="relay";)"
                              R"(keyid="05nzzk0b4ckt";created=1796000000;nonce="k2Jx0Vn8Q1m7")";
    Request const request{.input_line = "Signature-Input: other=(\"x\");a=1, relay=" + other};
    CHECK(request.read().base.ends_with("\"@signature-params\": " + other));
}

TEST_CASE("other labels are ignored") {
    Request const request{.signature = "Signature: a=:AAEC:, relay=:" + to_base64(std::string(64, 'x')) + ":, b=1"};
    CHECK(request.read().signature.size() == 64);
}

TEST_CASE("a body that was not signed is seen, and no other fault") {
    for (std::string const &body : {std::string(), std::string("{} "), std::string("[]")}) {
        Request const request{.body = body};
        CHECK_FALSE(request.read().body_fits);
    }
}

TEST_CASE("targets and authorities that are refused") {
    CHECK(Request{.line = "CONNECT a:1 HTTP/1.1"}.why_not() == "CONNECT and OPTIONS * have no path to sign");
    CHECK(Request{.line = "OPTIONS * HTTP/1.1"}.why_not() == "CONNECT and OPTIONS * have no path to sign");
    CHECK(Request{.line = "GET p HTTP/1.1"}.why_not() == "the request target has no path");
    CHECK(Request{.line = "GET /\xc3\xa4 HTTP/1.1"}.why_not() ==
          "the request target has a blank, a # or a byte that is not ASCII");
    CHECK(Request{.line = "GET /a#b HTTP/1.1"}.why_not() ==
          "the request target has a blank, a # or a byte that is not ASCII");
    CHECK(Request{.line = "GET /a b HTTP/1.1"}.why_not() ==
          "the request target has a blank, a # or a byte that is not ASCII");
    CHECK(Request{.line = "GET http://other/p HTTP/1.1"}.why_not() == "Host and the request target differ");
    CHECK(Request{.host = "X: y"}.why_not() == "there is no Host");
    CHECK(Request{.host = "Host: a\r\nHost: a"}.why_not() == "Host occurs more than once");
    CHECK(Request{.host = "Host:"}.why_not() == "Host is not a name with an optional port");
    CHECK(Request{.host = "Host: a@b"}.why_not() == "Host is not a name with an optional port");
    CHECK(Request{.host = "Host: a, b"}.why_not() == "Host is not a name with an optional port");
    CHECK(Request{.more = "X-Forwarded-Host: a\r\n"}.why_not() ==
          "X-Forwarded-Host is set, and no proxy is known that sets it");
    CHECK(Request{}.why_not({.authorities = {"other"}}) == "the host relay.example.com is not a name of this gateway");
    CHECK(Request{}.why_not({.authorities = {"other", "relay.example.com"}}) == "accepted");
    HttpRequest http2 = parse_http_request(Request{}.text());
    http2.headers.emplace_back(":authority", "Relay.example.com:443");
    CHECK(components_of(http2, {}).authority == "relay.example.com");
    http2.headers.back().second = "other";
    CHECK_THROWS_AS(components_of(http2, {}), Malformed);
}

TEST_CASE("each of the three headers occurs once") {
    Request const request;
    CHECK(Request{.more = request.digest + "\r\n"}.why_not() == "the header content-digest occurs 2 times");
    CHECK(Request{.more = request.input_line + "\r\n"}.why_not() == "the header signature-input occurs 2 times");
    CHECK(Request{.more = request.signature + "\r\n"}.why_not() == "the header signature occurs 2 times");
    CHECK(Request{.digest = "X: y"}.why_not() == "the header content-digest occurs 0 times");
    CHECK(Request{.input_line = "X: y"}.why_not() == "the header signature-input occurs 0 times");
    CHECK(Request{.signature = "X: y"}.why_not() == "the header signature occurs 0 times");
}

TEST_CASE("a second credential") {
    CHECK(Request{.more = "Authorization: Bearer x\r\n"}.why_not() ==
          "the request has a signature and also the header authorization");
    CHECK(Request{.more = "X-Agent-Secret: x\r\n"}.why_not() ==
          "the request has a signature and also the header x-agent-secret");
}

TEST_CASE("digests that are refused") {
    std::string const good = content_digest("{}");
    for (std::string const &value :
         {good + ", sha-512=:AAEC:", std::string("sha-512=") + good.substr(8), good + ";a=1",
          std::string("sha-256=:AAEC:"), std::string("sha-256=\"x\""), std::string("sha-256"), std::string(),
          good + ", " + good, std::string("sha-256=(1)")}) {
        CAPTURE(value);
        CHECK(Request{.digest = "Content-Digest: " + value}.why_not() != "accepted");
    }
}

TEST_CASE("signature inputs that are refused") {
    std::vector<std::pair<std::string, std::string>> const changes{
        {"\"@method\" ", ""},
        {"\"@method\" \"@authority\"", "\"@authority\" \"@method\""},
        {"\"content-digest\")", "\"content-digest\" \"date\")"},
        {"\"@path\"", "\"@path\";req"},
        {"\"@path\"", "\"@target-uri\""},
        {"\"content-digest\")", "\"content-digest\";sf)"},
        {";created=1796000000", ""},
        {";created=1796000000", ";created=1796000000;created=1796000000"},
        {"created=1796000000", "created=\"1796000000\""},
        {"created=1796000000", "created=-1"},
        {"created=1796000000", "created=1796000000.5"},
        {"created=1796000000", "created=999999999999999"},
        {";nonce=\"k2Jx0Vn8Q1m7\"", ""},
        {"k2Jx0Vn8Q1m7", "k2Jx0Vn"},
        {"k2Jx0Vn8Q1m7", std::string(65, 'a')},
        {"k2Jx0Vn8Q1m7", "k2Jx0Vn8 1m7"},
        {"nonce=\"k2Jx0Vn8Q1m7\"", "nonce=k2Jx0Vn8Q1m7"},
        {"05nzzk0b4ckt", "05nzzk0b4cki"},
        {"05nzzk0b4ckt", "05nzzk0b4ck"},
        {";tag=\"relay\"", ""},
        {"tag=\"relay\"", "tag=\"other\""},
        {"tag=\"relay\"", "tag=\"relay\";alg=\"ed25519\""},
        {"tag=\"relay\"", "tag=\"relay\";expires=1796000001"},
        {"(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\")", "\"@method\""},
    };
    for (auto const &[from, to] : changes) {
        CAPTURE(from);
        CAPTURE(to);
        CHECK(Request{.input_line = "Signature-Input: relay=" + replaced(input, from, to)}.why_not() != "accepted");
    }
    CHECK(Request{.input_line = std::string("Signature-Input: sig1=") + input}.why_not() ==
          "signature-input has no list with the label relay");
    CHECK(Request{.input_line = std::string("Signature-Input: relay=") + input + ", relay=" + input}.why_not() ==
          "the header signature-input is not a dictionary (RFC 8941), or has a key twice");
}

TEST_CASE("signatures that are refused") {
    for (std::size_t const size : {0U, 31U, 33U, 63U, 65U, 96U}) {
        CHECK(Request{.signature = "Signature: relay=:" + to_base64(std::string(size, 'x')) + ":"}.why_not() ==
              "the signature has neither 32 bytes (a proof) nor 64 (Ed25519)");
    }
    for (char const *const value : {"relay=\"x\"", "relay", "relay=:AA:", "relay=1", "sig1=:AAEC:", "relay=(1)"}) {
        CAPTURE(value);
        CHECK(Request{.signature = std::string("Signature: ") + value}.why_not() != "accepted");
    }
    CHECK(Request{.signature = Request{}.signature + ";a=1"}.why_not() ==
          "signature has no bytes with the label relay");
}
