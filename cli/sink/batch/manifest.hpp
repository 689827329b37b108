#pragma once

#include "relay/legacy/records.hpp"

#include <functional>
#include <optional>
#include <string>

namespace relay::cli {

/// What was issued to whom, as CSV, without a secret: agent_id,org_id,owner,wave,key_id,issued_at,file.
///
/// It is a report that is made anew each time from the database, and put in the place of the one before in one step: so it lists every key
/// exactly once, however often a run was killed. Cells are quoted by RFC 4180, and those that a spreadsheet would take for a formula defused.
class Manifest {
  public:
    /// `made_later`: a folder that may not be there yet. Throws Error: usage, no name of a file; sink, FILE is in the way: no regular file of this
    /// user's, or none that begins as a manifest.
    explicit Manifest(std::string path, std::optional<std::string> const &made_later = std::nullopt);

    using Take = std::function<void(IssuedLegacyKey const &key, std::string const &file)>;
    /// Writes what `rows` gives, flushed; FILE keeps its mode, a new one has 0600. Throws Error (sink); whatever `rows` throws. Then FILE is as before.
    void write(std::function<void(Take const &)> const &rows) const;

    std::string const &path() const { return m_path; }

  private:
    void require_replaceable() const;

    std::string m_path;
    std::string m_folder;
    std::string m_name;
};

}  // namespace relay::cli
