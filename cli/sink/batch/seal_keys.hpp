#pragma once

#include "cli/sink/seal_key.hpp"

#include <map>
#include <optional>
#include <string>

namespace relay::cli {

/// Public keys for many recipients: which key seals whose secret.
///
/// The file is CSV with a header, or JSON lines. Each row has the `owner` or the `org_id` that it is for, and `key_id`
/// and `key` as the GitHub secrets API returns them (cli/sink/seal_key.hpp). The owner `*` is for all owners without a row.
class SealKeys {
  public:
    /// Reads a file, or stdin for `-`. Throws Error (usage) with the line and what is wrong with it.
    static SealKeys read(std::string const &path);

    /// Returns the key for the owner, else for the organization, else for `*`; null if there is none.
    SealKey const *find(std::optional<std::string> const &owner, std::string const &org) const;

  private:
    std::map<std::string, SealKey> m_of_owners{};
    std::map<std::string, SealKey> m_of_orgs{};
};

}  // namespace relay::cli
