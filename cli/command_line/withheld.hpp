#pragma once

#include "relay/model/error.hpp"

#include <string>
#include <vector>

namespace relay::cli {

/// Returns `error` without the secrets that are on the command line: in each of its texts and in the words of its
/// advice, a word that may hold a password or a key, or such a part of one (between =, commas or slashes), becomes
/// `[27 characters withheld]`. An error of any part of the program may quote a word, so main() does this for all errors.
Error without_secrets(Error const &error, std::vector<std::string> const &words);

}  // namespace relay::cli
