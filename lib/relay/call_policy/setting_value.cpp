#include "relay/call_policy/setting_value.hpp"

#include "relay/model/error.hpp"
#include "relay/model/format_text.hpp"
#include "relay/model/text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace relay {
namespace {

constexpr std::size_t most_addresses = 64;

std::string parse_length(std::string_view text, std::chrono::seconds shortest, std::chrono::seconds longest,
                         std::string_view what) {
    std::chrono::seconds const length = parse_duration(text);
    if (length < shortest || length > longest) {
        throw Error(ErrorKind::usage, fmt::format("{} is {} to {}, not {}", what, format_duration(shortest),
                                                  format_duration(longest), quote_for_message(text)));
    }
    return std::to_string(length.count()) + 's';
}

/// An address as bytes, and how many bits of it a range fixes.
struct Bits {
    std::vector<unsigned char> bytes{};
    unsigned fixed = 0;
};

Bits bits_of(std::string const &range) {
    std::size_t const slash = range.find('/');
    std::string const address = range.substr(0, slash);
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    bool const is_ipv4 = inet_pton(AF_INET, address.c_str(), bytes.data()) == 1;
    if (!is_ipv4) {
        inet_pton(AF_INET6, address.c_str(), bytes.data());
    }
    std::size_t const size = is_ipv4 ? sizeof(in_addr) : sizeof(in6_addr);
    Bits bits{.bytes = {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)},
              .fixed = static_cast<unsigned>(size * 8)};
    if (slash != std::string::npos) {
        std::from_chars(range.data() + slash + 1, range.data() + range.size(), bits.fixed);
    }
    return bits;
}

bool has_host_bits(Bits const &bits) {
    for (std::size_t i = 0; i < bits.bytes.size() * 8; ++i) {
        if (i >= bits.fixed && (bits.bytes[i / 8] >> (7 - i % 8) & 1) != 0) {
            return true;
        }
    }
    return false;
}

/// Whether it shares addresses with ::ffff:0:0/96, in which a socket that listens on IPv6 shows IPv4 addresses.
bool meets_ipv4_inside_ipv6(Bits const &bits) {
    constexpr std::array<unsigned char, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (bits.bytes.size() != sizeof(in6_addr)) {
        return false;
    }
    for (std::size_t i = 0; i < std::min<std::size_t>(bits.fixed, prefix.size() * 8); ++i) {
        if (((bits.bytes[i / 8] ^ prefix[i / 8]) >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

IpRange parse_range(std::string const &text) {
    IpRange range = IpRange::parse(text);
    Bits const bits = bits_of(text);
    if (bits.fixed == 0) {
        throw Error(ErrorKind::usage, quote_for_message(text) + " is every address",
                    {.next = "to accept every address, use --allow any"});
    }
    if (has_host_bits(bits)) {
        throw Error(ErrorKind::usage, quote_for_message(text) + " has bits beyond the length of the network",
                    {.why = "it may be meant as an address or as a network",
                     .next = "write 10.0.0.1 for the address, or 10.0.0.0/8 for the network"});
    }
    if (meets_ipv4_inside_ipv6(bits)) {
        throw Error(ErrorKind::usage,
                    quote_for_message(text) + (bits.fixed < 96 ? " contains the IPv4 addresses inside IPv6"
                                                               : " is an IPv4 address inside IPv6"),
                    {.next = "write it as IPv4, as in 192.0.2.0/24: it then counts in both forms"});
    }
    return range;
}

}  // namespace

std::string PolicyScope::describe() const {
    return agent ? "agent " + agent->text() : org ? "org " + org->text() : "the platform";
}

std::vector<std::string> words_of_setting(PolicySetting setting) {
    switch (setting) {
        case PolicySetting::window:
        case PolicySetting::session_ttl: return {};
        case PolicySetting::require_nonce: return {"no", "yes"};
        case PolicySetting::signing: return {"bearer", "either", "required"};
        case PolicySetting::messages: return {"optional", "required"};
    }
    return {};
}

std::string parse_setting_value(PolicySetting setting, std::string_view text) {
    using namespace std::chrono_literals;
    if (setting == PolicySetting::window) {
        return parse_length(text, 1s, 5min, "a window");
    }
    if (setting == PolicySetting::session_ttl) {
        return parse_length(text, 1min, 24h, "the life of a token");
    }
    auto words = words_of_setting(setting);
    if (std::find(words.begin(), words.end(), text) == words.end()) {
        std::string const allowed = fmt::format("{}", fmt::join(words, ", "));
        words.emplace_back("inherit");
        throw Error(ErrorKind::usage, fmt::format("{} is not one of {}", quote_for_message(text), allowed),
                    {.suggestions = closest(text, words)});
    }
    return std::string(text);
}

std::vector<IpRange> parse_addresses(std::vector<std::string> const &texts) {
    std::vector<IpRange> ranges;
    for (std::string const &text : texts) {
        IpRange range = parse_range(text);
        if (std::find(ranges.begin(), ranges.end(), range) == ranges.end()) {
            ranges.push_back(std::move(range));
        }
    }
    if (ranges.size() > most_addresses) {
        throw Error(ErrorKind::usage,
                    std::to_string(ranges.size()) + " addresses were given; a list has at most " +
                        std::to_string(most_addresses),
                    {.next = "give networks instead of single addresses, as in 192.0.2.0/24"});
    }
    return ranges;
}

}  // namespace relay
