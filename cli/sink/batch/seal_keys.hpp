#pragma once

#include "cli/sink/seal_key.hpp"

#include <map>
#include <optional>
#include <string>

namespace relay::cli {

/// Public keys of many: whose secrets are sealed to which.
///
/// A file of them is CSV with a header, or JSON lines: in each row the `owner` or the `org_id` that it is for, and `key_id` and `key` as the GitHub
/// secrets API gives them (cli/sink/seal_key.hpp). The owner `*` stands for everybody who has no row.
class SealKeys {
  public:
    /// Reads a file, or stdin for `-`. Throws Error (usage) with the line and what is wrong with it.
    static SealKeys read(std::string const &path);

    /// The key of the owner; or else of the organization; or else of everybody; null: there is none.
    SealKey const *find(std::optional<std::string> const &owner, std::string const &org) const;

  private:
    std::map<std::string, SealKey> m_of_owners{};
    std::map<std::string, SealKey> m_of_orgs{};
};

}  // namespace relay::cli
