#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Dictionaries of Structured Field Values for HTTP (RFC 8941), as the headers of HTTP Message Signatures have them.
///
/// Parsing is strict, and writing gives the one canonical form, which is what a signature covers. If a key occurs twice in a
/// dictionary or among parameters, the RFC keeps the last one; here that is an error, because two readers could
/// disagree about it.
namespace relay::signing {

struct SfToken {
    std::string text{};
};
struct SfBytes {
    std::string bytes{};
};
struct SfDecimal {
    std::string text{};  ///< as it was received: no header that is read here has one
};
/// An integer of at most 15 digits, a decimal, a string (ASCII), a token, bytes, or a boolean.
using SfValue = std::variant<std::int64_t, SfDecimal, std::string, SfToken, SfBytes, bool>;
using SfParameters = std::vector<std::pair<std::string, SfValue>>;

struct SfItem {
    SfValue value{};
    SfParameters parameters{};
};
struct SfInnerList {
    std::vector<SfItem> items{};
    SfParameters parameters{};
};
using SfMember = std::variant<SfItem, SfInnerList>;
using SfDictionary = std::vector<std::pair<std::string, SfMember>>;

/// Returns the dictionary; none: the text is not one, or has a key twice.
std::optional<SfDictionary> parse_dictionary(std::string_view text);
/// Returns the canonical text of an inner list with its parameters.
std::string write(SfInnerList const &list);
/// Returns the member with this key; null: there is none.
SfMember const *find(SfDictionary const &dictionary, std::string_view key);

}  // namespace relay::signing
