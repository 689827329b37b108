#pragma once

#include "cli/context.hpp"
#include "cli/output/own_file.hpp"
#include "cli/policy/owner_notices.hpp"

#include <string>
#include <vector>

/// `key due --html DIR`: a page for each owner, and index.html, which links them.
namespace relay::cli {

class DuePages {
  public:
    /// Throws Error (usage, conflict, sink) if DIR is not a folder in which pages can be written.
    DuePages(std::string folder, Globals const &globals);

    /// Writes the page of an owner. Throws as write_own_file.
    void add(OwnerNotice const &notice);
    /// Writes index.html, and removes earlier pages of owners that have no due keys any more. No other file is touched.
    void finish();

  private:
    struct Listed {
        DueOwner due;
        std::string name;
    };

    OwnFile file(std::string_view name) const;

    std::string m_folder;
    Globals const &m_globals;
    std::vector<Listed> m_listed{};
};

}  // namespace relay::cli
