#include "relay/signing/http_request.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace relay::signing {
namespace {

constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               token_marks.find(c) != std::string_view::npos;
    });
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

std::string_view strip(std::string_view text) {
    std::size_t const begin = std::min(text.find_first_not_of(" \t"), text.size());
    std::size_t const end = text.find_last_not_of(" \t");
    return text.substr(begin, end == std::string_view::npos ? 0 : end - begin + 1);
}

/// Takes lines and bytes from the front of a text.
class Rest {
  public:
    explicit Rest(std::string_view text) : m_text(text) {}

    std::string_view line() {
        std::size_t const end = m_text.find('\n');
        if (end == std::string_view::npos) {
            throw Malformed("the request ends within its headers");
        }
        std::string_view line = m_text.substr(0, end);
        m_text.remove_prefix(end + 1);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.find_first_of(std::string_view("\0\r", 2)) != std::string_view::npos) {
            throw Malformed("a header has a NUL or a carriage return");
        }
        return line;
    }
    std::string_view bytes(std::size_t size) {
        if (size > m_text.size()) {
            throw Malformed("the body is shorter than the request says");
        }
        std::string_view const part = m_text.substr(0, size);
        m_text.remove_prefix(size);
        return part;
    }
    bool is_at_end() const { return m_text.empty() || m_text == "\n" || m_text == "\r\n"; }

  private:
    std::string_view m_text;
};

std::size_t number(std::string_view text, int base, std::string_view what) {
    std::size_t value = 0;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || failure != std::errc() || end != text.data() + text.size()) {
        throw Malformed(std::string(what) + " is not a number");
    }
    return value;
}

void read_request_line(Rest &rest, HttpRequest &request) {
    std::string_view const line = rest.line();
    std::size_t const first = line.find(' ');
    std::size_t const last = line.rfind(' ');
    if (first == std::string_view::npos || first == last || !is_token(line.substr(0, first))) {
        throw Malformed("the first line is not METHOD TARGET HTTP/1.1");
    }
    std::string_view const version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        throw Malformed("the first line does not end with HTTP/1.1");
    }
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
}

/// Reads header lines up to the empty one.
std::vector<std::pair<std::string, std::string>> read_headers(Rest &rest) {
    std::vector<std::pair<std::string, std::string>> headers;
    for (std::string_view line = rest.line(); !line.empty(); line = rest.line()) {
        std::size_t const colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
            throw Malformed("a header line is not NAME: VALUE");
        }
        headers.emplace_back(lower(line.substr(0, colon)), strip(line.substr(colon + 1)));
    }
    return headers;
}

void read_chunks(Rest &rest, HttpRequest &request) {
    while (true) {
        std::string_view const line = rest.line();
        std::size_t const size = number(strip(line.substr(0, line.find(';'))), 16, "the length of a chunk");
        if (size == 0) {
            request.has_trailers = !read_headers(rest).empty();
            return;
        }
        request.body += rest.bytes(size);
        if (!rest.line().empty()) {
            throw Malformed("a chunk is longer than it says");
        }
    }
}

std::optional<std::string> single(HttpRequest const &request, std::string_view name) {
    auto const values = values_of(request, name);
    if (values.size() > 1) {
        throw Malformed("the header " + std::string(name) + " occurs " + std::to_string(values.size()) + " times");
    }
    return values.empty() ? std::nullopt : std::optional(values.front());
}

}  // namespace

std::vector<std::string> values_of(HttpRequest const &request, std::string_view name) {
    std::vector<std::string> values;
    for (auto const &[known, value] : request.headers) {
        if (known == name) {
            values.push_back(value);
        }
    }
    return values;
}

HttpRequest parse_http_request(std::string_view text) {
    Rest rest(text);
    HttpRequest request;
    read_request_line(rest, request);
    request.headers = read_headers(rest);
    auto const length = single(request, "content-length");
    auto const coding = single(request, "transfer-encoding");
    if (length && coding) {
        throw Malformed("the request has both Content-Length and Transfer-Encoding");
    }
    if (coding) {
        if (lower(*coding) != "chunked") {
            throw Malformed("the transfer coding is not chunked");
        }
        read_chunks(rest, request);
    } else if (length) {
        request.body = rest.bytes(number(*length, 10, "Content-Length"));
    }
    if (!rest.is_at_end()) {
        throw Malformed(length || coding ? "there are bytes after the body"
                                         : "there is a body, but neither Content-Length nor Transfer-Encoding");
    }
    return request;
}

}  // namespace relay::signing
