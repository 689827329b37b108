#pragma once

#include "cli/output/own_file.hpp"
#include "relay/audit/seal.hpp"
#include "relay/crypto/signing.hpp"

#include <optional>
#include <string>

/// The end of the chain of seals, as a text that is kept elsewhere: on another machine, in a mail, on paper.
///
///     relay-audit-head/1
///     seal 12
///     hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
///     up_to 48213
///     at 2026-11-22T01:02:03.123456Z
///     signature (standard base64)
///
/// The signature is Ed25519, of the lines before it. Without a key there is no such line.
namespace relay::cli {

/// Returns the lines that are signed.
std::string head_text(SealHead const &head);

struct HeadFile {
    SealHead head{};
    std::optional<std::string> signature{};
};
/// Reads such a text. `source` names it in errors. Throws Error (usage).
HeadFile parse_head(std::string_view text, std::string const &source);

/// Returns the file of --out.
OwnFile head_file(std::string const &path);

}  // namespace relay::cli
