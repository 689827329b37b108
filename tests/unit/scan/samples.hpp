#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

/// Texts for the tests of the scanner.
namespace relay::scan::samples {

inline std::string const agent_key = "relay_sk_000g40r40m30_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3SDqBW";
inline std::string const token = "relay_at_72tecmq49pkz_D3OgHZnP1jxwVFktBf1VpgnbvI07UD2UeJHApw2nl5E2WDXm2";
/// A key with equal characters in it, of which a dump prints fewer lines.
inline std::string const other_key = "relay_sk_000000000000_00000000000000000000000000000000000000000001Zf200";

std::string base64(std::string const &text);
std::string hex(std::string const &text);
/// With every character as \uXXXX.
std::string escaped(std::string const &text);
/// In UTF-16, little-endian.
std::string utf16(std::string const &text);
/// Each byte as two digits, with `between` between two bytes.
std::string pairs(std::string const &text, std::string const &between);
/// Each byte as a decimal number.
std::string decimals(std::string const &text);
/// Numbers of `size` bytes each, in decimal.
std::string words(std::string const &text, std::size_t size, bool little_endian);
/// Lines of sixteen pairs of digits, with `before` before each of them.
std::string logged_pairs(std::string const &text, std::string const &before);
/// As od -c prints it, with `before` and `after` around each line.
std::string od_characters(std::string const &text, std::string const &before, std::string const &after);
std::string base32(std::string const &text);
/// As xxd prints it.
std::string dump(std::string const &text);

/// Short texts in which the border of a piece could matter.
std::vector<std::string> tricky_texts();
/// Texts of about `size` bytes that are as much work as possible.
std::vector<std::pair<std::string, std::string>> hostile_texts(std::size_t size);

}  // namespace relay::scan::samples
