#include "relay/model/ip_range.hpp"

#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>

namespace relay {
namespace {

/// Returns how many bits an address of its family has; nothing if it is not an address.
std::optional<int> bits_of(std::string const &address) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) {
        return 32;
    }
    return inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1 ? std::optional(128) : std::nullopt;
}

bool is_length(std::string_view text, int most) {
    int length = -1;
    auto const [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
    return failure == std::errc() && end == text.data() + text.size() && length >= 0 && length <= most;
}

}  // namespace

IpRange IpRange::parse(std::string_view text) {
    std::size_t const slash = text.find('/');
    std::string const address(text.substr(0, slash));
    std::optional<int> const bits = address.find('\0') == std::string::npos ? bits_of(address) : std::nullopt;
    if (!bits || (slash != std::string_view::npos && !is_length(text.substr(slash + 1), *bits))) {
        throw Error(ErrorKind::usage, quote_for_message(text) + " is not an IP address or network",
                    {.next = "write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/64"});
    }
    return IpRange(std::string(text));
}

}  // namespace relay
