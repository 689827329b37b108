#pragma once

#include "cli/input/text_source.hpp"
#include "relay/crypto/api_key.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Files that a command reads, or stdin for `-`. If something is wrong with a file, the Error (usage) names the flag.
namespace relay::cli {

class Context;

/// Returns "stdin" for `-`, otherwise the path.
std::string input_name(std::string const &path);

/// Reads a whole text that decides where secrets go, as bytes. Throws Error (usage) if it is unreadable, longer than
/// `limit` bytes, or if another user could have changed it (cli/posix/trust.hpp).
std::string read_trusted(std::string const &path, std::string_view flag, std::size_t limit);

/// A text of any size that is not secret, decoded to UTF-8. `size` is what is left to read of a regular file. open_text,
/// and later reads, throw Error (usage) if the file is unreadable, or of a kind that has no rows or lines, such as a
/// spreadsheet: the error says how to convert it.
struct OpenText {
    TextSource source;
    std::optional<std::uint64_t> size;
};
OpenText open_text(std::string const &path, std::string_view flag);

/// As open_text, but without decoding: each byte counts.
TextSource open_exact_text(std::string const &path, std::string_view flag);

/// Reads the first `most` bytes of a secret text, always in locked memory. If stdin is a terminal, asks for the text
/// without echo. `flag` is empty for a command that always reads stdin. Throws Error: usage if it is unreadable, or is not
/// in a trusted place although it must be (cli/posix/trust.hpp); declined at Ctrl-D.
enum class From { anywhere, trusted_place };
SecretBuffer read_secret(Context &context, std::string const &path, std::string_view flag, std::size_t most,
                         From from = From::anywhere);

/// Reads as read_secret does, and decodes the text to UTF-8 as open_text does. `most` counts bytes of the file.
SecretBuffer read_secret_text(Context &context, std::string const &path, std::string_view flag, std::size_t most,
                              From from = From::anywhere);

/// Reads exactly one key, from a trusted place, always in locked memory. If stdin is a terminal, asks for it without echo. Throws Error:
/// usage if it is unreadable or not a key (without quoting the text); declined at Ctrl-D.
ApiKey read_key(Context &context, std::string const &path, std::string_view flag);

}  // namespace relay::cli
