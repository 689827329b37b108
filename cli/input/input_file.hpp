#pragma once

#include "cli/input/text_source.hpp"
#include "relay/crypto/api_key.hpp"
#include "relay/crypto/key_scanner.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// Files that a command reads, or stdin for `-`. What is wrong with one is an Error (usage) that names the flag.
namespace relay::cli {

class Context;
class Output;

/// "stdin" for `-`, else the path.
std::string input_name(std::string const &path);

/// All of a text that is no secret. Throws Error (usage): not readable, longer than `limit` bytes.
std::string read_input(std::string const &path, std::string_view flag, std::size_t limit);

/// A text that is no secret, of any size; `size`: of what is left to read of a regular file. Throws Error (usage): not readable, then or later.
struct OpenText {
    TextSource source;
    std::optional<std::uint64_t> size;
};
OpenText open_text(std::string const &path, std::string_view flag);

/// The first `most` bytes of a secret text, in locked memory from the first on; asked for without an echo if stdin is a terminal. `flag` is
/// empty for a command that always reads stdin. Throws Error: usage, not readable; declined, at Ctrl-D.
SecretBuffer read_secret(Context &context, std::string const &path, std::string_view flag, std::size_t most);

/// One key and nothing else, in locked memory from the first byte on; asked for without an echo if stdin is a terminal.
/// Throws Error: usage, not readable, or no key (its text is in no error); declined, at Ctrl-D.
ApiKey read_key(Context &context, std::string const &path, std::string_view flag);

/// The keys in a text of any size, which goes through one wiped buffer; `output` shows how far it is. Throws Error (usage): not readable.
std::multimap<KeyId, KeyScanner::Found> scan_input(std::string const &path, std::string_view flag, Output &output);

}  // namespace relay::cli
