#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace relay::signing {

/// What a signed request lacks, has twice, or has in a form that is refused. A gateway answers `malformed`.
class Malformed : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A request as it was received: nothing in it is decoded, merged or resolved.
struct HttpRequest {
    std::string method{};
    std::string target{};  ///< of HTTP/2: `:path`
    std::vector<std::pair<std::string, std::string>>
        headers{};  ///< in order; names in lower case, values without blanks at the ends
    std::string body{};  ///< without transfer coding (chunks), and before any decompression
    bool has_trailers = false;
};

/// Returns all values of a header, in order; `name` in lower case.
std::vector<std::string> values_of(HttpRequest const &request, std::string_view name);

/// Reads a request of HTTP/1.1 from its text, with line ends of CRLF or LF, as a proxy or a test has captured it. The body
/// has the length that Content-Length says, or is chunked; without either there is none. One line end after the request
/// is ignored. Throws Malformed.
HttpRequest parse_http_request(std::string_view text);

}  // namespace relay::signing
