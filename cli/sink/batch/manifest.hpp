#pragma once

#include "relay/legacy/records.hpp"

#include <functional>
#include <optional>
#include <string>

namespace relay::cli {

/// A CSV report of the keys that were issued, without secrets: agent_id,org_id,owner,wave,key_id,issued_at,file.
///
/// The report is written anew each time from the database, and replaces the earlier one in one step. So it lists every
/// key exactly once, however often a run was killed. Cells are quoted as in RFC 4180, and cells that a spreadsheet
/// would take for a formula are defused.
class Manifest {
  public:
    /// `made_later` is a folder that may not exist yet. Throws Error: usage if the path is not a file name; sink if
    /// FILE is in the way: not a regular file of this user, or not a manifest.
    explicit Manifest(std::string path, std::optional<std::string> const &made_later = std::nullopt);

    using Take = std::function<void(IssuedLegacyKey const &key, std::string const &file)>;
    /// Writes what `rows` gives, and flushes it. FILE keeps its mode; a new file gets 0600. Throws Error (sink), and
    /// whatever `rows` throws. After an error, FILE is unchanged.
    void write(std::function<void(Take const &)> const &rows) const;

    std::string const &path() const { return m_path; }

  private:
    void require_replaceable() const;

    std::string m_path;
    std::string m_folder;
    std::string m_name;
};

}  // namespace relay::cli
