#include "relay/signing/http_request.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace relay::signing;

namespace {

std::string why_not(std::string const &text) {
    try {
        parse_http_request(text);
    } catch (Malformed const &error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a request is kept as it was received") {
    auto const request = parse_http_request(
        "POST /a%2Fb//c/?q=%20 HTTP/1.1\r\nHost: Relay.example\r\nX-A:  one \r\n"
        "x-a:\ttwo\r\nContent-Length: 5\r\n\r\na\r\nbc");
    CHECK(request.method == "POST");
    CHECK(request.target == "/a%2Fb//c/?q=%20");
    CHECK(values_of(request, "x-a") == std::vector<std::string>{"one", "two"});
    CHECK(values_of(request, "host") == std::vector<std::string>{"Relay.example"});
    CHECK(request.body == "a\r\nbc");
}

TEST_CASE("line ends without a carriage return, and one line end after the request") {
    auto const request = parse_http_request("GET / HTTP/1.1\nHost: a\n\n\n");
    CHECK(request.body.empty());
    CHECK(parse_http_request("POST / HTTP/1.1\nContent-Length: 2\n\nab\n").body == "ab");
}

TEST_CASE("chunks are put together, and trailers are noted") {
    std::string const head = "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n";
    CHECK(parse_http_request(head + "3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n").body == "abc0123456789");
    CHECK_FALSE(parse_http_request(head + "0\r\n\r\n").has_trailers);
    CHECK(parse_http_request(head + "0\r\nContent-Digest: x\r\n\r\n").has_trailers);
}

TEST_CASE("what is not a request") {
    CHECK(why_not("") == "the request ends within its headers");
    CHECK(why_not("GET / HTTP/1.1\r\nHost: a\r\n") == "the request ends within its headers");
    CHECK(why_not("GET /\r\n\r\n") == "the first line is not METHOD TARGET HTTP/1.1");
    CHECK(why_not("GET / HTTP/2\r\n\r\n") == "the first line does not end with HTTP/1.1");
    CHECK(why_not("G\"T / HTTP/1.1\r\n\r\n") == "the first line is not METHOD TARGET HTTP/1.1");
    CHECK(why_not("GET / HTTP/1.1\r\nHost : a\r\n\r\n") == "a header line is not NAME: VALUE");
    CHECK(why_not("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n") == "a header line is not NAME: VALUE");
    CHECK(why_not(std::string("GET / HTTP/1.1\r\nA: b\0\r\n\r\n", 25)) == "a header has a NUL or a carriage return");
    CHECK(why_not("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab") == "the body is shorter than the request says");
    CHECK(why_not("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nabc") == "there are bytes after the body");
    CHECK(why_not("POST / HTTP/1.1\r\n\r\nabc") == "there is a body, but neither Content-Length nor Transfer-Encoding");
    CHECK(why_not("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na") ==
          "the header content-length occurs 2 times");
    CHECK(why_not("POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na") == "Content-Length is not a number");
    CHECK(why_not("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\na") ==
          "Content-Length is not a number");
    CHECK(why_not("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na") ==
          "the request has both Content-Length and Transfer-Encoding");
    CHECK(why_not("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\na") == "the transfer coding is not chunked");
    std::string const head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    CHECK(why_not(head + "2\r\nabc\r\n0\r\n\r\n") == "a chunk is longer than it says");
    CHECK(why_not(head + "x\r\n") == "the length of a chunk is not a number");
    CHECK(why_not(head + "ffffffffffffffff\r\nab") == "the body is shorter than the request says");
}
