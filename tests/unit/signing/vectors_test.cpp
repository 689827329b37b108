#include "relay/signing/signed_request.hpp"

#include <doctest/doctest.h>
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace relay;
using namespace relay::signing;
using nlohmann::json;

// The verifier kit passes the same vectors (tests/contract/test_signing_vectors.py).

namespace {

json const &vectors() {
    static json const document = [] {
        std::ifstream file(RELAY_SOURCE_DIR "/tests/vectors/signing.json");
        return json::parse(file);
    }();
    return document;
}

PublicSide const &side() {
    static PublicSide const one{.authorities = vectors().at("names").get<std::vector<std::string>>()};
    return one;
}

/// Those of HTTP/2 cannot be written down as the text of a request.
bool is_http_1(json const &vector) { return !vector.at("request").contains("authority"); }

HttpRequest request_of(json const &vector) {
    json const &said = vector.at("request");
    HttpRequest request{.method = said.at("method"), .target = said.at("target"), .body = said.at("body")};
    for (auto const &header : said.at("headers")) {
        std::string name = header.at(0);
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char one) { return char(std::tolower(one)); });
        std::string value = header.at(1);
        value.erase(0, std::min(value.find_first_not_of(" \t"), value.size()));
        value.erase(value.find_last_not_of(" \t") + 1);
        request.headers.emplace_back(name, value);
    }
    return request;
}

}  // namespace

TEST_CASE("what the vectors accept has one meaning") {
    for (json const &vector : vectors().at("accepted")) {
        if (is_http_1(vector)) {
            CAPTURE(vector.at("about"));
            SignedRequest const found = read_signed_request(request_of(vector), side());
            CHECK(found.base == vector.at("base").get<std::string>());
            CHECK(found.key_id.text() == vector.at("key_id").get<std::string>());
            CHECK(found.nonce == vector.at("nonce").get<std::string>());
            CHECK(found.created.time_since_epoch() == std::chrono::seconds(vector.at("created").get<std::int64_t>()));
            CHECK(found.body_fits);
        }
    }
}

TEST_CASE("another body is seen, and all else that was changed is in the base") {
    for (json const &vector : vectors().at("other_body")) {
        CAPTURE(vector.at("about"));
        CHECK_FALSE(read_signed_request(request_of(vector), side()).body_fits);
    }
    for (json const &vector : vectors().at("refused")) {
        CAPTURE(vector.at("about"));
        CHECK(read_signed_request(request_of(vector), side()).body_fits);
    }
}

TEST_CASE("what is malformed is refused") {
    for (json const &vector : vectors().at("malformed")) {
        if (is_http_1(vector)) {
            CAPTURE(vector.at("about"));
            CHECK_THROWS_AS(read_signed_request(request_of(vector), side()), Malformed);
        }
    }
}
